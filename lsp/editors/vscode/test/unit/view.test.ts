import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyView, endLine, fold, shownMessages, toolLine } from "../../src/chat/view.ts";
import type { ChatProgress, ProgressKind } from "../../src/protocol.ts";

let seq = 0;
function event(kind: ProgressKind, more: Partial<ChatProgress> = {}): ChatProgress {
  return { sessionId: "s", turnId: "t", seq: ++seq, ...more, ...kind } as ChatProgress;
}
const usage = { cost: 0, tokens: { input: 1, output: 1, reasoning: 0, cache_read: 0, cache_write: 0 } };
const text = (partId: string, words: string): ProgressKind => ({ kind: "delta", messageId: "a", partId, channel: "text", text: words });
const agent: ProgressKind = { kind: "message", messageId: "a", role: "assistant" };

test("deltas, joined, are the text", () => {
  const view = emptyView("s");
  fold(view, event(agent));
  const touched = ["one ", "two ", "three"].map((words) => fold(view, event(text("p", words))));
  assert.deepEqual(view.messages[0]?.parts, [{ kind: "text", id: "p", text: "one two three" }]);
  assert.deepEqual(touched.map((one) => one.what === "part" && one.appended), [false, true, true]);
});

test("a text that is replaced is the new one", () => {
  const view = emptyView("s");
  fold(view, event(text("p", "wrong")));
  fold(view, event({ kind: "replaced", messageId: "a", partId: "p", channel: "text", text: "right" }));
  assert.deepEqual(view.messages[0]?.parts, [{ kind: "text", id: "p", text: "right" }]);
});

test("a reset forgets everything but the session", () => {
  const view = emptyView("s");
  fold(view, event(text("p", "old")));
  assert.deepEqual(fold(view, event({ kind: "reset", epoch: "e2" })), { what: "all" });
  assert.deepEqual({ ...view, seq: 0, turn: null }, { ...emptyView("s"), epoch: "e2" });
});

test("only the end ends a turn", () => {
  const view = emptyView("s");
  fold(view, event(text("p", "more")));
  assert.equal(view.turn, "t");
  fold(view, event({ kind: "status", status: { type: "idle" } }));
  assert.equal(view.turn, "t");
  fold(view, event({ kind: "end", reason: "aborted", usage }));
  assert.equal(view.turn, null);
  assert.equal(endLine(view.end), "Stopped.");
});

test("a session that was opened while it works is busy, and then is not", () => {
  const view = emptyView("s");
  fold(view, event({ kind: "status", status: { type: "busy" } }, { turnId: null }));
  assert.equal(view.turn, "");
  fold(view, event({ kind: "status", status: { type: "idle" } }, { turnId: null }));
  assert.equal(view.turn, null);
});

test("a question is open until it is settled, also that of a sub-agent", () => {
  const view = emptyView("s");
  const ask: ProgressKind = { kind: "permission", permissionId: "q", action: "bash", patterns: ["ls"], always: [] };
  fold(view, event(ask, { child: "c" }));
  fold(view, event(ask, { child: "c" }));
  assert.deepEqual(view.asks.map(({ id, child }) => ({ id, child })), [{ id: "q", child: "c" }]);
  fold(view, event({ kind: "permissionClosed", permissionId: "q", reply: "once" }, { child: "c" }));
  assert.deepEqual(view.asks, []);
});

test("the texts of a sub-agent are not the answer", () => {
  const view = emptyView("s");
  assert.deepEqual(fold(view, event(text("p", "inner"), { child: "c" })), { what: "nothing" });
  assert.deepEqual(view.messages, []);
});

test("a tool call grows and keeps what is known of it", () => {
  const view = emptyView("s");
  const call = { kind: "tool", messageId: "a", partId: "p", callId: "c", tool: "bash" } as const;
  fold(view, event({ ...call, status: "running", input: { command: "ls" } }));
  fold(view, event({ kind: "toolOutput", messageId: "a", partId: "p", text: "file\n" }));
  fold(view, event({ ...call, status: "completed", title: "List", output: "file\nother\n" }));
  const part = view.messages[0]?.parts[0];
  assert.equal(part?.kind === "tool" && part.output, "file\nother\n");
  assert.equal(part?.kind === "tool" && toolLine(part), "bash: List");
});

test("a prompt that waits is queued until its message comes", () => {
  const view = emptyView("s");
  fold(view, event({ kind: "queued", messageId: "u" }));
  assert.equal(view.messages[0]?.queued, true);
  fold(view, event({ kind: "message", messageId: "u", role: "user" }));
  assert.equal(view.messages[0]?.queued, false);
});

test("what was taken back is not shown", () => {
  const view = emptyView("s");
  fold(view, event({ kind: "message", messageId: "u1", role: "user" }));
  fold(view, event({ kind: "message", messageId: "u2", role: "user" }));
  const session = { id: "s", title: "T", directory: "/", created: 0, updated: 0 };
  fold(view, event({ kind: "session", ...session, revertedFrom: "u2" }));
  assert.deepEqual(shownMessages(view).map(({ id }) => id), ["u1"]);
  fold(view, event({ kind: "removed", messageId: "u1" }));
  assert.deepEqual(view.messages.map(({ id }) => id), ["u2"]);
});

test("a kind that is newer than this version changes nothing", () => {
  const view = emptyView("s");
  assert.deepEqual(fold(view, { ...event(agent), kind: "hologram" } as never), { what: "nothing" });
});
