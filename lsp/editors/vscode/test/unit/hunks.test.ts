import assert from "node:assert/strict";
import { test } from "node:test";

import type { HunkState, ReviewHunk } from "../../src/protocol.ts";
import { before, hunkAt, hunkLine, openHunks } from "../../src/review/hunks.ts";

function hunk(id: string, start: number, end: number, lines: string[], state: HunkState = "pending"): ReviewHunk {
  return { id, range: { start: { line: start, character: 0 }, end: { line: end, character: 0 } }, lines, state };
}
const title = hunk("title", 0, 1, ["-# A poem", "+# A better poem", " ", " line"]);
const end = hunk("end", 3, 5, [" line", "-the end", "+the very", "+end"]);
const text = "# A better poem\n\nline\nthe very\nend\n";

test("the text before has none of the open changes", () => {
  assert.equal(before(text, [title, end]), "# A poem\n\nline\nthe end\n");
});

test("what is decided stays in the text before", () => {
  assert.equal(before(text, [{ ...title, state: "accepted" }, end]), "# A better poem\n\nline\nthe end\n");
});

test("lines that were only added or only deleted", () => {
  assert.equal(before("a\nb\nc\n", [hunk("b", 1, 2, [" a", "+b", " c"])]), "a\nc\n");
  assert.equal(before("a\nc\n", [hunk("b", 1, 1, [" a", "-b", " c"])]), "a\nb\nc\n");
});

test("line ends of Windows stay", () => {
  assert.equal(before("x\r\nb\r\n", [hunk("x", 0, 1, ["-a", "+x"])]), "a\r\nb\r\n");
});

test("the change at the cursor, else the next one, else the last", () => {
  const at = (line: number): string | undefined => hunkAt([end, title], line)?.id;
  assert.deepEqual([0, 1, 4, 9].map(at), ["title", "end", "end", "end"]);
});

test("a change in a line", () => {
  assert.equal(hunkLine(end), "4: +2 −1 the very");
  assert.equal(openHunks([{ uri: "u", path: "p", status: "modified", hunks: [title, { ...end, state: "rejected" }] }]), 1);
});
