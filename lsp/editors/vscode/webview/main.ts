// The chat's page: hears what happened, folds it, draws what was touched, once a frame.

import type { FromPage, ToPage } from "../src/chat/messages.ts";
import { changedFiles, fold, type ChatView, type Touched } from "../src/chat/view.ts";
import { Asks } from "./asks.ts";
import { Composer } from "./composer.ts";
import { byId, element } from "./dom.ts";
import { Transcript } from "./transcript.ts";

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void; getState(): unknown; setState(state: unknown): void };

const editor = acquireVsCodeApi();
const post = (message: FromPage): void => editor.postMessage(message);
const log = byId("log");
const transcript = new Transcript(log);
const asks = new Asks(byId("asks"), post);
const composer = new Composer({
  send: (text) => post({ type: "send", text }),
  suggest: (id, typed) => post({ type: "suggest", id, typed }),
  changed: (draft) => editor.setState({ draft }),
});

let view: ChatView | null = null;
let note = "";
/** What has to be drawn in the next frame; a part once, however much was appended. */
const touched = new Map<string, Touched>();
let frame = 0;

function touch(what: Touched): void {
  if (what.what === "nothing") return;
  const key = what.what === "part" ? `part ${what.messageId} ${what.partId}` : what.what === "message" ? `message ${what.messageId}` : what.what;
  touched.set(key, what);
  frame ||= requestAnimationFrame(draw);
}

function draw(): void {
  frame = 0;
  const all = touched.has("all");
  const list = all ? [] : [...touched.values()];
  touched.clear();
  if (view && all) transcript.drawAll(view);
  else if (all) log.replaceChildren(welcome());
  for (const one of list) {
    if (view && one.what === "message") transcript.drawMessage(view, one.messageId);
    if (view && one.what === "part") transcript.drawOne(view, one.messageId, one.partId);
  }
  for (const line of asks.draw(view?.asks ?? [])) speak(line);
  if (view) transcript.drawEnd(view);
  drawState();
  follow();
}

/** Whether the end of the conversation stays in sight: until somebody scrolls up. */
let follows = true;

function follow(): void {
  if (follows) log.scrollTop = log.scrollHeight;
}

function welcome(): HTMLElement {
  return element(
    "div", { class: "welcome" }, element("h2", {}, "Chat with OpenCode"),
    element("p", {}, "It reads, changes and runs the project in this folder, and asks before it does what you have not allowed."),
  );
}

function drawState(): void {
  const running = view !== null && view.turn !== null;
  byId("stop").hidden = !running;
  const lines = [note, view?.waiting ?? "", running && !view?.waiting && view?.asks.length === 0 ? "Answering…" : ""];
  const state = byId("state");
  const children: HTMLElement[] = lines.filter(Boolean).map((line) => element("p", {}, line));
  for (const todo of view?.todos ?? []) {
    const marks: Record<string, string> = { completed: "☑", in_progress: "▸", cancelled: "☒" };
    children.push(element("p", { class: `todo ${todo.status}` }, `${marks[todo.status] ?? "☐"} ${todo.content}`));
  }
  const files = view ? changedFiles(view) : [];
  if (files.length > 0 && !running) {
    const review = element("button", { type: "button", id: "review" }, `Review ${files.length === 1 ? "1 file" : `${files.length} files`}`);
    review.addEventListener("click", () => post({ type: "review" }));
    children.push(review);
  }
  state.replaceChildren(...children);
  state.hidden = children.length === 0;
  const usage = view?.usage;
  const tokens = usage ? usage.tokens.input + usage.tokens.output + usage.tokens.reasoning : 0;
  byId("usage").textContent = usage ? `${tokens.toLocaleString()} tokens${usage.cost > 0 ? ` · $${usage.cost.toFixed(2)}` : ""}` : "";
  document.body.dataset.running = String(running);
}

/** For those who do not see the page. */
function speak(line: string): void {
  byId("spoken").textContent = line;
}

function show(message: Extract<ToPage, { type: "show" }>): void {
  ({ view, note } = message);
  byId("root").textContent = message.severalRoots || view ? [message.rootName, view?.title].filter(Boolean).join(" · ") : message.rootName;
  const change = byId<HTMLButtonElement>("change-root");
  change.hidden = !message.severalRoots;
  change.textContent = message.rootName ? "Other folder…" : "Choose the folder…";
  touch({ what: "all" });
}

function hear(message: ToPage): void {
  switch (message.type) {
    case "show":
      return show(message);
    case "event": {
      if (!view) return;
      const { event } = message;
      touch(fold(view, event));
      if (event.kind === "end") speak(event.reason === "completed" ? "The answer is complete." : "The answer has ended.");
      if (event.kind === "session") byId("root").textContent = [byId("root").textContent?.split(" · ")[0], view.title].filter(Boolean).join(" · ");
      return;
    }
    case "suggestions":
      return composer.offer(message.id, message.items);
    case "sent":
      ({ note } = message);
      if (!message.ok && !composer.text) composer.text = message.text;
      if (note) speak(note);
      return touch({ what: "state" });
    case "insert":
      composer.insert(message.text);
      return composer.focus();
    case "focus":
      return composer.focus();
  }
}

log.addEventListener("scroll", () => { follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40; });
// What is around it grows and shrinks as well.
new ResizeObserver(follow).observe(log);
window.addEventListener("message", ({ data }: MessageEvent<ToPage>) => hear(data));
byId("stop").addEventListener("click", () => post({ type: "stop" }));
byId("change-root").addEventListener("click", () => post({ type: "root" }));
log.addEventListener("click", (event) => {
  const target = event.target as HTMLElement;
  if (target.matches("button.copy")) {
    post({ type: "copy", text: target.closest(".code")?.querySelector("code")?.textContent ?? "" });
    speak("Copied.");
    return;
  }
  const href = target.closest("a")?.getAttribute("href") ?? "";
  if (!href || /^(https?|mailto):/i.test(href)) return;
  // A file of the project; anything else is no address that we follow.
  event.preventDefault();
  post({ type: "open", path: decodeURIComponent(href).replace(/#L(\d+).*$/, ":$1") });
});
const { draft } = (editor.getState() ?? {}) as { draft?: string };
if (draft) composer.text = draft;
post({ type: "ready" });
