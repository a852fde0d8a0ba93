// Markdown that grows. A text is a list of blocks; only the last one can still change when text is appended, so only it is
// parsed and drawn again: the work is linear in the length of the answer.

import MarkdownIt from "markdown-it";

const markdown = makeMarkdown();

function makeMarkdown(): MarkdownIt {
  // No HTML of a model, and no pictures: nothing is loaded from elsewhere.
  const made = new MarkdownIt({ html: false, linkify: true }).disable("image");
  const { escapeHtml } = made.utils;
  made.renderer.rules.fence = (tokens, index) => {
    const token = tokens[index];
    const language = token?.info.trim().split(/\s+/)[0] ?? "";
    const name = language ? `<span class="language">${escapeHtml(language)}</span>` : "";
    const code = escapeHtml(token?.content ?? "");
    return `<div class="code"><div class="head">${name}<button type="button" class="copy">Copy</button></div>`
      + `<pre tabindex="0"><code>${code}</code></pre></div>`;
  };
  // The policy of the page forbids styles in attributes.
  for (const rule of ["th_open", "td_open"]) {
    made.renderer.rules[rule] = (tokens, index, options, _environment, self) => {
      const token = tokens[index];
      const side = /text-align:(\w+)/.exec(token?.attrGet("style") ?? "")?.[1];
      if (token) token.attrs = side ? [["class", side]] : null;
      return self.renderToken(tokens, index, options);
    };
  }
  return made;
}

export interface Changed {
  /** The first block that is another one now; those before it stay. */
  from: number;
  /** The blocks from there on. */
  html: string[];
}

export class Blocks {
  private text = "";
  private html: string[] = [];
  /** Where the last block begins in the text. */
  private lastAt = 0;

  /** The text is this now. */
  update(text: string): Changed {
    const grows = this.html.length > 0 && text.startsWith(this.text);
    const from = grows ? this.html.length - 1 : 0;
    const at = grows ? this.lastAt : 0;
    const blocks = parse(text.slice(at));
    this.html = [...this.html.slice(0, from), ...blocks.map((block) => block.html)];
    this.lastAt = at + (blocks[blocks.length - 1]?.at ?? 0);
    this.text = text;
    return { from, html: this.html.slice(from) };
  }
}

function parse(text: string): { at: number; html: string }[] {
  const environment = {};
  const tokens = markdown.parse(text, environment);
  const offsets = lineOffsets(text);
  const blocks: { at: number; html: string }[] = [];
  let begin = 0;
  tokens.forEach((token, index) => {
    if (token.level !== 0 || token.nesting === 1) return;
    const group = tokens.slice(begin, index + 1);
    const line = group[0]?.map?.[0] ?? 0;
    blocks.push({ at: offsets[line] ?? 0, html: markdown.renderer.render(group, markdown.options, environment) });
    begin = index + 1;
  });
  return blocks;
}

function lineOffsets(text: string): number[] {
  const offsets = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) offsets.push(at + 1);
  return offsets;
}
