// Draws the conversation. Only what was touched is drawn again: a growing text touches its last block alone.

import { endLine, shownMessages, toolLine, type ChatView, type Message, type Part, type ToolPart } from "../src/chat/view.ts";
import { Blocks } from "./blocks.ts";
import { element } from "./dom.ts";

interface DrawnPart { element: HTMLElement; blocks: Blocks | undefined; drawn: string }
interface DrawnMessage { element: HTMLElement; head: HTMLElement; body: HTMLElement; foot: HTMLElement; parts: Map<string, DrawnPart> }

/** So much of a tool's output is shown; all of it is in the transcript. */
const MOST_OUTPUT = 20_000;

export class Transcript {
  private readonly drawn = new Map<string, DrawnMessage>();
  private readonly log: HTMLElement;

  constructor(log: HTMLElement) {
    this.log = log;
  }

  drawAll(view: ChatView): void {
    this.drawn.clear();
    this.log.replaceChildren();
    for (const message of shownMessages(view)) this.drawMessage(view, message.id);
    this.drawEnd(view);
  }

  drawMessage(view: ChatView, id: string): void {
    const message = shownMessages(view).find((message) => message.id === id);
    if (!message) {
      this.drawn.get(id)?.element.remove();
      this.drawn.delete(id);
      return;
    }
    const drawn = this.drawn.get(id) ?? this.begin(id);
    const isPerson = message.role === "user";
    drawn.element.className = `message ${isPerson ? "person" : "agent"}`;
    drawn.element.setAttribute("aria-label", isPerson ? "You" : "Agent");
    const made = message.model ? ` · ${message.model}` : "";
    drawn.head.textContent = isPerson ? (message.queued ? "You · waiting" : "You") : `OpenCode${made}`;
    drawn.foot.textContent = message.error ? message.error.message : "";
    drawn.foot.hidden = !message.error;
    const present = new Set(message.parts.map((part) => part.id));
    for (const [partId, part] of drawn.parts) {
      if (present.has(partId)) continue;
      part.element.remove();
      drawn.parts.delete(partId);
    }
    for (const part of message.parts) this.drawPart(message, part, drawn);
  }

  /** Draws one part; the message around it when it is not there yet. */
  drawOne(view: ChatView, messageId: string, partId: string): void {
    const message = shownMessages(view).find((message) => message.id === messageId);
    const part = message?.parts.find((part) => part.id === partId);
    const drawn = this.drawn.get(messageId);
    if (!message || !part || !drawn) this.drawMessage(view, messageId);
    else this.drawPart(message, part, drawn);
  }

  /** While a turn runs the growing message is busy: a screen reader reads it when it is complete. */
  drawEnd(view: ChatView): void {
    const messages = shownMessages(view);
    const last = messages[messages.length - 1];
    for (const [id, drawn] of this.drawn) {
      const busy = view.turn !== null && id === last?.id && last.role !== "user";
      drawn.element.setAttribute("aria-busy", String(busy));
    }
    const line = view.turn === null ? endLine(view.end) : "";
    this.log.querySelector(".end")?.remove();
    if (line) this.log.append(element("p", { class: "end" }, line));
  }

  private begin(id: string): DrawnMessage {
    const head = element("div", { class: "who" });
    const body = element("div", { class: "body" });
    const foot = element("div", { class: "error", hidden: true });
    const made = element("article", { "data-message": id }, head, body, foot);
    const end = this.log.querySelector(".end");
    this.log.insertBefore(made, end);
    const drawn = { element: made, head, body, foot, parts: new Map<string, DrawnPart>() };
    this.drawn.set(id, drawn);
    return drawn;
  }

  private drawPart(message: Message, part: Part, drawn: DrawnMessage): void {
    let shown = drawn.parts.get(part.id);
    const kind = part.kind === "other" ? `other ${part.body.type}` : part.kind;
    if (shown && shown.element.dataset.kind !== kind) {
      shown.element.remove();
      shown = undefined;
    }
    if (!shown) {
      const made = partElement(kind);
      if (!made) return;
      shown = { element: made, blocks: undefined, drawn: "" };
      drawn.parts.set(part.id, shown);
      drawn.body.append(made);
    }
    if (part.kind === "tool") drawTool(shown, part);
    else if (part.kind === "other") drawOther(shown, part.body);
    else if (message.role === "user") shown.element.textContent = part.text;
    else drawText(shown, part.text);
  }
}

/** Where a part is drawn; nothing for parts that are only for machines. */
function partElement(kind: string): HTMLElement | undefined {
  const data = { "data-kind": kind };
  if (kind === "text") return element("div", { class: "text", ...data });
  if (kind === "reasoning") {
    return element("details", { class: "reasoning", ...data }, element("summary", {}, "Thoughts"), element("div", { class: "text" }));
  }
  if (kind === "tool") return element("details", { class: "tool", ...data }, element("summary"), element("pre", { tabindex: "0" }));
  if (["other file", "other agent", "other subtask", "other compaction", "other retry"].includes(kind)) {
    return element("div", { class: "note", ...data });
  }
  return undefined;
}

function drawText(shown: DrawnPart, text: string): void {
  if (shown.drawn === text) return;
  shown.drawn = text;
  shown.blocks ??= new Blocks();
  const target = shown.element.dataset.kind === "reasoning" ? shown.element.lastElementChild : shown.element;
  if (!target) return;
  const { from, html } = shown.blocks.update(text);
  while (target.children.length > from) target.lastElementChild?.remove();
  for (const block of html) {
    const made = element("div", { class: "block" });
    // Made by markdown-it with HTML switched off: whatever the model wrote is escaped.
    made.innerHTML = block;
    target.append(made);
  }
}

function drawTool(shown: DrawnPart, part: ToolPart): void {
  const [summary, output] = shown.element.children;
  if (!summary || !output) return;
  const words: Record<string, string> = { pending: "…", running: "…", completed: "✓", error: "✗" };
  const spoken: Record<string, string> = { completed: "done", error: "failed" };
  const line = toolLine(part);
  shown.element.dataset.status = part.status;
  summary.textContent = `${words[part.status] ?? "·"} ${line}`;
  summary.setAttribute("aria-label", `Tool ${line}, ${spoken[part.status] ?? "running"}`);
  const all = part.error || part.output || (part.input ? JSON.stringify(part.input, null, 2) : "");
  output.textContent = all.length > MOST_OUTPUT ? `${all.slice(0, MOST_OUTPUT)}\n… (more in the transcript)` : all;
}

function drawOther(shown: DrawnPart, body: Record<string, unknown>): void {
  const text = (name: string): string => (typeof body[name] === "string" ? (body[name] as string) : "");
  const lines: Record<string, string> = {
    file: `Attached: ${text("filename") || (text("url").startsWith("data:") ? text("mime") : text("url"))}`,
    agent: `Agent: ${text("name")}`,
    subtask: `Sub-agent ${text("agent")}: ${text("description")}`,
    compaction: "What was said before was summed up here.",
    retry: "The provider failed and was asked again.",
  };
  shown.element.textContent = lines[String(body.type)] ?? "";
}
