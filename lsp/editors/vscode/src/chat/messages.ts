// What the extension and the chat's page tell each other.

import type { ChatProgress, Suggestion } from "../protocol.ts";
import type { ChatView } from "./view.ts";

/** To the page. */
export type ToPage =
  /** This is shown now; `view` is null before the first prompt of a new chat. */
  | { type: "show"; view: ChatView | null; rootName: string; severalRoots: boolean; note: string }
  | { type: "event"; event: ChatProgress }
  | { type: "suggestions"; id: number; items: Suggestion[] }
  /** A prompt was sent, or was not and belongs back into the field. */
  | { type: "sent"; ok: boolean; text: string; note: string }
  /** Text for the field, behind what stands there. */
  | { type: "insert"; text: string }
  | { type: "focus" };

/** From the page. */
export type FromPage =
  | { type: "ready" }
  | { type: "send"; text: string }
  | { type: "stop" }
  | { type: "permission"; id: string; reply: "once" | "always" | "reject" }
  | { type: "question"; id: string; answers: string[][] | null }
  | { type: "suggest"; id: number; typed: string }
  | { type: "open"; path: string }
  | { type: "copy"; text: string }
  | { type: "review" }
  | { type: "root" };
