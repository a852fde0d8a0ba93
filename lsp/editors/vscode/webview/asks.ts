// What the agent asks, with what it takes to answer. An ask that is drawn stays as it is until it is settled: what a person
// has begun to choose is not taken away.

import type { FromPage } from "../src/chat/messages.ts";
import { permissionLine, type Ask } from "../src/chat/view.ts";
import type { QuestionItem } from "../src/protocol.ts";
import { button, element } from "./dom.ts";

type Post = (message: FromPage) => void;

export class Asks {
  private readonly drawn = new Map<string, HTMLElement>();
  private readonly region: HTMLElement;
  private readonly post: Post;

  constructor(region: HTMLElement, post: Post) {
    this.region = region;
    this.post = post;
  }

  /** Draws what is open, and returns what is new, to be spoken. */
  draw(asks: readonly Ask[]): string[] {
    const open = new Set(asks.map((ask) => ask.id));
    for (const [id, drawn] of this.drawn) {
      if (open.has(id)) continue;
      drawn.remove();
      this.drawn.delete(id);
    }
    const spoken: string[] = [];
    for (const ask of asks) {
      if (this.drawn.has(ask.id)) continue;
      const drawn = ask.kind === "permission" ? this.permission(ask) : this.question(ask);
      this.drawn.set(ask.id, drawn);
      this.region.append(drawn);
      spoken.push(drawn.getAttribute("aria-label") ?? "");
    }
    return spoken;
  }

  private permission(ask: Extract<Ask, { kind: "permission" }>): HTMLElement {
    const line = permissionLine(ask);
    const made = element("section", { class: "ask", role: "group", "aria-label": line, "data-ask": ask.id });
    if (ask.child) made.append(element("p", { class: "from" }, "Asked by a sub-agent"));
    made.append(element("p", {}, line));
    if (ask.detail) made.append(element("pre", { tabindex: "0" }, ask.detail));
    const reply = (word: "once" | "always" | "reject") => (): void => {
      this.post({ type: "permission", id: ask.id, reply: word });
      disable(made);
    };
    const row = element("div", { class: "row" }, button("Allow once", { class: "main" }, reply("once")));
    if (ask.always.length > 0) row.append(button("Allow always", { title: ask.always.join(", ") }, reply("always")));
    row.append(button("Reject", {}, reply("reject")));
    made.append(row);
    return made;
  }

  private question(ask: Extract<Ask, { kind: "question" }>): HTMLElement {
    const line = ask.items.map((item) => item.question).join(" ");
    const made = element("form", { class: "ask", "aria-label": line, "data-ask": ask.id });
    const fields = ask.items.map((item, index) => questionField(item, `${ask.id}-${index}`));
    made.append(...fields.map((field) => field.element));
    const reject = button("Reject", {}, () => {
      this.post({ type: "question", id: ask.id, answers: null });
      disable(made);
    });
    made.append(element("div", { class: "row" }, element("button", { type: "submit", class: "main" }, "Answer"), reject));
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      const answers = fields.map((field) => field.answer());
      const missing = answers.findIndex((answer) => answer.length === 0);
      if (missing >= 0) return fields[missing]?.element.querySelector("input")?.focus();
      this.post({ type: "question", id: ask.id, answers });
      disable(made);
    });
    return made;
  }
}

function disable(ask: HTMLElement): void {
  for (const control of ask.querySelectorAll<HTMLButtonElement | HTMLInputElement>("button, input")) control.disabled = true;
}

function questionField(item: QuestionItem, name: string): { element: HTMLElement; answer(): string[] } {
  const made = element("fieldset", {}, element("legend", {}, item.question));
  const type = item.multiple ? "checkbox" : "radio";
  const options = item.options.map((option) => {
    const input = element("input", { type, name, value: option.label });
    const about = option.description ? element("span", { class: "about" }, ` ${option.description}`) : "";
    made.append(element("label", {}, input, ` ${option.label}`, about));
    return input;
  });
  const own = element("input", { type: "text", "aria-label": "Something else", placeholder: "Something else" });
  if (item.custom) made.append(own);
  return {
    element: made,
    answer: () => {
      const typed = item.custom ? own.value.trim() : "";
      const chosen = options.filter((input) => input.checked).map((input) => input.value);
      if (!typed) return chosen;
      return item.multiple ? [...chosen, typed] : [typed];
    },
  };
}
