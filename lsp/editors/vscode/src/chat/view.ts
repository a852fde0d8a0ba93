// The one reducer: what happened in a session (`ChatProgress`) folded into what is shown of it. The chat's page, the native
// Chat view and the tests share it. Pure: no editor, no page.

import type {
  ChatProgress, EndReason, ErrorInfo, FileDiff, QuestionItem, Todo, TurnError, Usage,
} from "../protocol.ts";

export interface TextPart { kind: "text" | "reasoning"; id: string; text: string }
export interface ToolPart {
  kind: "tool"; id: string; callId: string; tool: string; status: string; title: string; input: unknown;
  output: string; error: string;
}
export interface OtherPart { kind: "other"; id: string; body: { type: string } & Record<string, unknown> }
export type Part = TextPart | ToolPart | OtherPart;

export interface Message {
  id: string;
  role: string;
  created: number;
  model: string;
  agent: string;
  error: TurnError | null;
  /** It waits at the server for its turn. */
  queued: boolean;
  parts: Part[];
}

/** The agent asks and waits. `child` is set when a sub-agent does. */
export type Ask =
  | {
      kind: "permission"; id: string; child: string; action: string; patterns: string[]; always: string[];
      detail: string; callId: string;
    }
  | { kind: "question"; id: string; child: string; items: QuestionItem[] };

export interface ChatView {
  sessionId: string;
  title: string;
  epoch: string;
  seq: number;
  messages: Message[];
  asks: Ask[];
  todos: Todo[];
  files: FileDiff[];
  usage: Usage | null;
  /** The turn that runs; `""` while one runs whose name is not known, null when nothing runs. */
  turn: string | null;
  /** What the provider or the connection makes us wait for; empty when nothing. */
  waiting: string;
  /** How the last turn ended. */
  end: { reason: EndReason; error: ErrorInfo | null } | null;
  /** From this message on everything was taken back. */
  revertedFrom: string;
}

/** What has to be drawn again. */
export type Touched =
  | { what: "all" }
  | { what: "part"; messageId: string; partId: string; appended: boolean }
  | { what: "message"; messageId: string }
  | { what: "asks" }
  | { what: "state" }
  | { what: "nothing" };

export function emptyView(sessionId: string): ChatView {
  return {
    sessionId, title: "", epoch: "", seq: 0, messages: [], asks: [], todos: [], files: [], usage: null, turn: null,
    waiting: "", end: null, revertedFrom: "",
  };
}

/** Folds one thing that happened into the view, in place. */
export function fold(view: ChatView, event: ChatProgress): Touched {
  view.seq = event.seq;
  if (event.child && !isAsk(event)) return { what: "nothing" };
  if (event.turnId && event.kind !== "end") view.turn = event.turnId;
  switch (event.kind) {
    case "reset": {
      const { sessionId } = view;
      Object.assign(view, emptyView(sessionId), { epoch: event.epoch, seq: event.seq });
      return { what: "all" };
    }
    case "message":
    case "queued":
    case "removed":
      return foldMessage(view, event);
    case "delta":
    case "replaced":
    case "part":
    case "tool":
    case "toolOutput":
      return foldPart(view, event);
    case "permission":
    case "permissionClosed":
    case "question":
    case "questionClosed":
      return foldAsk(view, event);
    default:
      return foldState(view, event);
  }
}

type Of<K extends ChatProgress["kind"]> = Extract<ChatProgress, { kind: K }>;

function isAsk(event: ChatProgress): boolean {
  return event.kind.startsWith("permission") || event.kind.startsWith("question");
}

function messageOf(view: ChatView, id: string): Message {
  const known = view.messages.find((message) => message.id === id);
  if (known) return known;
  const made: Message = {
    id, role: "assistant", created: 0, model: "", agent: "", error: null, queued: false, parts: [],
  };
  view.messages.push(made);
  return made;
}

function foldMessage(view: ChatView, event: Of<"message" | "queued" | "removed">): Touched {
  if (event.kind === "removed") {
    const at = view.messages.findIndex((message) => message.id === event.messageId);
    const message = view.messages[at];
    if (!message) return { what: "nothing" };
    if (!event.partId) view.messages.splice(at, 1);
    else message.parts = message.parts.filter((part) => part.id !== event.partId);
    return { what: "message", messageId: event.messageId };
  }
  const message = messageOf(view, event.messageId);
  if (event.kind === "queued") {
    message.role = "user";
    message.queued = true;
  } else {
    message.role = event.role;
    message.created = event.created ?? message.created;
    message.model = event.model ?? message.model;
    message.agent = event.agent ?? message.agent;
    message.error = event.error ?? null;
    message.queued = false;
  }
  return { what: "message", messageId: event.messageId };
}

function place<P extends Part>(message: Message, id: string, make: () => P): { part: P; isNew: boolean } {
  const at = message.parts.findIndex((part) => part.id === id);
  const made = make();
  const known = message.parts[at];
  if (known && known.kind === made.kind) return { part: known as P, isNew: false };
  if (known) message.parts[at] = made;
  else message.parts.push(made);
  return { part: made, isNew: true };
}

function foldPart(view: ChatView, event: Of<"delta" | "replaced" | "part" | "tool" | "toolOutput">): Touched {
  const message = messageOf(view, event.messageId);
  let appended = false;
  if (event.kind === "delta" || event.kind === "replaced") {
    const made = (): TextPart => ({ kind: event.channel, id: event.partId, text: "" });
    const { part, isNew } = place(message, event.partId, made);
    part.text = event.kind === "delta" ? part.text + event.text : event.text;
    appended = event.kind === "delta" && !isNew;
  } else if (event.kind === "part") {
    const { part } = place(message, event.partId, (): OtherPart => ({ kind: "other", id: event.partId, body: event.body }));
    part.body = event.body;
  } else {
    const { part } = place(message, event.partId, (): ToolPart => ({
      kind: "tool", id: event.partId, callId: "", tool: "", status: "running", title: "", input: null, output: "", error: "",
    }));
    if (event.kind === "toolOutput") part.output += event.text;
    else {
      Object.assign(part, { callId: event.callId, tool: event.tool, status: event.status });
      part.title = event.title ?? part.title;
      part.input = event.input ?? part.input;
      part.output = event.output ?? part.output;
      part.error = event.error ?? part.error;
    }
  }
  return { what: "part", messageId: event.messageId, partId: event.partId, appended };
}

function foldAsk(view: ChatView, event: Of<"permission" | "permissionClosed" | "question" | "questionClosed">): Touched {
  const id = event.kind.startsWith("permission")
    ? (event as Of<"permission">).permissionId
    : (event as Of<"question">).questionId;
  view.asks = view.asks.filter((ask) => ask.id !== id);
  const child = event.child ?? "";
  if (event.kind === "permission") {
    const { action, patterns, always } = event;
    const detail = event.detail ?? "";
    view.asks.push({ kind: "permission", id, child, action, patterns, always, detail, callId: event.callId ?? "" });
  } else if (event.kind === "question") {
    view.asks.push({ kind: "question", id, child, items: event.items });
  }
  return { what: "asks" };
}

const CONNECTIONS: Record<string, string> = {
  reconnecting: "The connection to the server is made again.",
  closed: "The server is gone. The next prompt looks for it again.",
};

function foldState(view: ChatView, event: ChatProgress): Touched {
  switch (event.kind) {
    case "usage":
      view.usage = { cost: event.cost, tokens: event.tokens };
      break;
    case "todo":
      view.todos = event.todos;
      break;
    case "diff":
      view.files = event.files;
      break;
    case "status": {
      const { type, message } = event.status;
      view.waiting = type === "retry" ? (message ?? "The provider failed; the server tries again.") : "";
      // While a turn is named it runs: only `end` says that it is over.
      if (type !== "idle") view.turn ??= "";
      else if (!event.turnId) view.turn = null;
      break;
    }
    case "session":
      view.title = event.title;
      view.revertedFrom = event.revertedFrom ?? "";
      break;
    case "connection":
      view.waiting = CONNECTIONS[event.state] ?? "";
      break;
    case "end":
      view.turn = null;
      view.waiting = "";
      view.end = { reason: event.reason, error: event.error ?? null };
      break;
    default:
      // An error that ends the turn comes again with its end. Anything else is newer than this version.
      return { what: "nothing" };
  }
  return { what: "state" };
}

/** The messages that count: without what was taken back. */
export function shownMessages(view: ChatView): Message[] {
  if (!view.revertedFrom) return view.messages;
  const at = view.messages.findIndex((message) => message.id === view.revertedFrom);
  return at < 0 ? view.messages : view.messages.slice(0, at);
}

/** The files that the session has changed, as far as it is known: not every server tells of its differences. */
export function changedFiles(view: ChatView): string[] {
  const parts = shownMessages(view).flatMap((message) => message.parts);
  const patched = parts.flatMap((part) =>
    part.kind === "other" && part.body.type === "patch" && Array.isArray(part.body.files) ? (part.body.files as string[]) : []);
  const told = view.files.map((file) => file.path);
  return told.length > 0 ? told : [...new Set(patched)];
}

/** One line for a tool call. */
export function toolLine(part: Pick<ToolPart, "tool" | "title" | "input">): string {
  const input = (part.input ?? {}) as Record<string, unknown>;
  const words = ["command", "filePath", "path", "pattern", "url", "query", "description"];
  const found = words.map((word) => input[word]).find((value) => typeof value === "string" && value !== "");
  const what = part.title || (typeof found === "string" ? found : "");
  const line = what && what !== part.tool ? `${part.tool}: ${what}` : part.tool;
  const first = line.split("\n")[0] ?? line;
  return first.length > 160 ? `${first.slice(0, 159)}…` : first;
}

/** What a permission is asked for, in a line. */
export function permissionLine(ask: { action: string; patterns: string[] }): string {
  const what = ask.patterns.join(", ");
  return what ? `May the agent use ${ask.action}: ${what}?` : `May the agent use ${ask.action}?`;
}

/** How a turn ended, in a sentence; empty when it ended well. */
export function endLine(end: ChatView["end"]): string {
  if (!end || end.reason === "completed") return "";
  if (end.reason === "aborted") return "Stopped.";
  const error = end.error;
  const why = error ? (error.hint ? `${error.message} (${error.hint})` : error.message) : "";
  if (end.reason === "failed") return `The turn failed: ${why || "the server gives no reason"}`;
  return `The end of this turn is not known: ${why || "the server is gone"}`;
}
