import assert from "node:assert/strict";
import { test } from "node:test";

import { Blocks } from "../../webview/blocks.ts";
import { typedMention } from "../../webview/composer.ts";

const TEXT = "# Title\n\nA *word* and `code`.\n\n- one\n- two\n\n```js\nlet a = 1;\n\nlet b;\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\nThe end";

function whole(text: string): string[] {
  return new Blocks().update(text).html;
}

test("however a text grows, it is drawn as the whole text is", () => {
  for (let step = 1; step < 9; step += 1) {
    const blocks = new Blocks();
    let shown: string[] = [];
    for (let at = step; at < TEXT.length + step; at += step) {
      const { from, html } = blocks.update(TEXT.slice(0, at));
      shown = [...shown.slice(0, from), ...html];
    }
    assert.deepEqual(shown, whole(TEXT), `in steps of ${step}`);
  }
});

test("only the last block is drawn again", () => {
  const blocks = new Blocks();
  blocks.update("one\n\ntwo");
  assert.deepEqual(blocks.update("one\n\ntwo more").from, 1);
});

test("a text that was replaced is drawn anew", () => {
  const blocks = new Blocks();
  blocks.update("one\n\ntwo");
  assert.deepEqual(blocks.update("other"), { from: 0, html: ["<p>other</p>\n"] });
});

test("nothing that a model writes is HTML, loads a picture, or runs", () => {
  const html = whole("<script>alert(1)</script>\n\n<img src=x onerror=y>\n\n![p](http://a/b.png)\n\n[x](javascript:alert(1)) [y](data:text/html,z)").join("");
  assert.doesNotMatch(html, /<(script|img)/);
  assert.doesNotMatch(html, /href="(javascript|data):/);
  assert.doesNotMatch(whole(TEXT).join(""), /style=/);
});

test("what is completed is the mention or the command before the caret", () => {
  assert.deepEqual(
    ["see @hel", "@", "a@b", "/in", "x /in", 'see @file:"a b', '@"a b" c', "@a b"].map(typedMention),
    ["@hel", "@", undefined, "/in", undefined, '@file:"a b', undefined, undefined],
  );
});
