// Hunks and texts, without an editor: the text as it was before what is not yet decided.

import type { ReviewFile, ReviewHunk } from "../protocol.ts";

/**
 * The text without the changes that are not decided. What was accepted stays in it, so that a difference shows only what
 * is left to do.
 */
export function before(text: string, hunks: readonly ReviewHunk[]): string {
  const ending = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.split(/\r?\n/);
  const open = hunks.filter((hunk) => hunk.state === "pending");
  // From the end on, so that the places of the others stay true.
  for (const hunk of [...open].sort((a, b) => b.range.start.line - a.range.start.line)) {
    const { start, end } = ownLines(hunk);
    const old = hunk.lines.slice(...core(hunk)).filter((line) => !line.startsWith("+")).map((line) => line.slice(1));
    lines.splice(start, end - start, ...old);
  }
  return lines.join(ending);
}

/** The lines of the file that a hunk is made of, the end not included. */
function ownLines(hunk: ReviewHunk): { start: number; end: number } {
  const { start, end } = hunk.range;
  return { start: start.line, end: end.character > 0 ? end.line + 1 : end.line };
}

/** From the first to the last changed line of `lines`: context stands around them, and is not in `range`. */
function core(hunk: ReviewHunk): [number, number] {
  const changed = (line: string): boolean => line.startsWith("+") || line.startsWith("-");
  return [hunk.lines.findIndex(changed), hunk.lines.findLastIndex(changed) + 1];
}

export function openHunks(files: readonly ReviewFile[]): number {
  return files.reduce((sum, file) => sum + file.hunks.filter((hunk) => hunk.state === "pending").length, 0);
}

/** The hunk at a line; the next one below it when there is none. */
export function hunkAt(hunks: readonly ReviewHunk[], line: number): ReviewHunk | undefined {
  const open = hunks.filter((hunk) => hunk.state === "pending").sort((a, b) => a.range.start.line - b.range.start.line);
  return open.find((hunk) => line <= Math.max(hunk.range.start.line, ownLines(hunk).end - 1)) ?? open[open.length - 1];
}

/** A hunk in a line: how much it adds and takes, and how it begins. */
export function hunkLine(hunk: ReviewHunk): string {
  const added = hunk.lines.filter((line) => line.startsWith("+"));
  const removed = hunk.lines.filter((line) => line.startsWith("-"));
  const begin = (added[0] ?? removed[0] ?? "").slice(1).trim();
  const place = hunk.range.start.line + 1;
  return `${place}: +${added.length} −${removed.length} ${begin.length > 60 ? `${begin.slice(0, 59)}…` : begin}`.trimEnd();
}
