// The field for prompts, with completion of `@` and `/`: a combobox whose list is worked with the arrow keys.

import type { Suggestion } from "../src/protocol.ts";
import { byId, element } from "./dom.ts";

export interface ComposerEvents {
  send(text: string): void;
  suggest(id: number, typed: string): void;
  changed(text: string): void;
}

/** What is being typed before the caret and can be completed; a name in quotes may hold spaces. */
export function typedMention(before: string): string | undefined {
  const mention = /(?:^|\s)(@[\w-]*:?"[^"]*|@[^\s"]*)$/.exec(before)?.[1];
  return mention ?? /^(\/\S*)$/.exec(before)?.[1];
}

export class Composer {
  private readonly input = byId<HTMLTextAreaElement>("input");
  private readonly list = byId<HTMLUListElement>("suggestions");
  private items: Suggestion[] = [];
  private chosen = 0;
  private asked = 0;
  private readonly events: ComposerEvents;

  constructor(events: ComposerEvents) {
    this.events = events;
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("input", () => {
      events.changed(this.input.value);
      this.look();
    });
    this.input.addEventListener("blur", () => this.close());
  }

  get text(): string {
    return this.input.value;
  }

  set text(text: string) {
    this.input.value = text;
    this.events.changed(text);
  }

  /** Puts text behind what was typed. */
  insert(text: string): void {
    const typed = this.input.value;
    this.text = typed && !/\s$/.test(typed) ? `${typed} ${text}` : typed + text;
    this.input.setSelectionRange(this.text.length, this.text.length);
  }

  focus(): void {
    this.input.focus();
  }

  /** Suggestions have come; those for something that is not typed any more are let go. */
  offer(id: number, items: Suggestion[]): void {
    if (id !== this.asked || document.activeElement !== this.input) return;
    this.items = items;
    this.choose(0);
  }

  private submit(): void {
    const text = this.input.value;
    if (!text.trim()) return;
    this.close();
    this.text = "";
    this.events.send(text);
  }

  private typed(): string | undefined {
    return typedMention(this.input.value.slice(0, this.input.selectionStart));
  }

  private look(): void {
    const typed = this.typed();
    this.asked += 1;
    if (typed === undefined) this.close();
    else this.events.suggest(this.asked, typed);
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const open = this.items.length > 0;
    if (open && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.choose((this.chosen + step + this.items.length) % this.items.length);
    } else if (open && ["Enter", "Tab"].includes(event.key) && !event.shiftKey) this.accept(this.chosen);
    else if (open && event.key === "Escape") this.close();
    else if (event.key === "Enter" && !event.shiftKey) this.submit();
    else return;
    event.preventDefault();
  }

  private accept(index: number): void {
    const item = this.items[index];
    const typed = this.typed();
    this.close();
    if (!item || typed === undefined) return;
    const caret = this.input.selectionStart;
    // What still takes something behind its colon is completed further.
    const space = item.mention.endsWith(":") ? "" : " ";
    this.input.setRangeText(`${item.mention}${space}`, caret - typed.length, caret, "end");
    this.events.changed(this.input.value);
    if (!space) this.look();
  }

  private close(): void {
    this.items = [];
    this.asked += 1;
    this.draw();
  }

  private choose(index: number): void {
    this.chosen = index;
    this.draw();
  }

  private draw(): void {
    const open = this.items.length > 0;
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    this.list.replaceChildren(...this.items.map((item, index) => {
      const selected = index === this.chosen;
      const made = element("li", { id: `suggestion-${index}`, role: "option", "aria-selected": String(selected) }, item.label);
      if (item.detail) made.append(element("span", { class: "about" }, ` ${item.detail}`));
      // Before the field loses the keyboard.
      made.addEventListener("mousedown", (event) => {
        event.preventDefault();
        this.accept(index);
      });
      return made;
    }));
    if (open) this.input.setAttribute("aria-activedescendant", `suggestion-${this.chosen}`);
    else this.input.removeAttribute("aria-activedescendant");
    this.list.children[this.chosen]?.scrollIntoView({ block: "nearest" });
  }
}
