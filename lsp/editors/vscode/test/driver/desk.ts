// What `cargo xtask editors` gives: a server, two roots, and where things are. And what the server has, by REST.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

export interface Desk { url: string; nexus: string; roots: [string, string]; home: string; shots: string; only: string | null }

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run: cargo xtask editors --editor vscode`);
  return value;
}

export const desk = JSON.parse(given("NEXUS_DESK")) as Desk;
export const chromium = given("NEXUS_CHROMIUM");
export const codeServer = given("NEXUS_CODE_SERVER");
export const vsix = given("NEXUS_VSIX");

export interface ServerPart {
  type: string; text?: string; synthetic?: boolean; tool?: string; filename?: string; url?: string;
  state?: { status: string; output?: string; error?: string };
}
export interface ServerMessage { info: { id: string; role: string; error?: { name: string } }; parts: ServerPart[] }
export interface ServerSession { id: string; title: string; directory: string; parentID?: string }

async function get<T>(route: string, directory: string): Promise<T> {
  const url = `${desk.url}${route}?directory=${encodeURIComponent(directory)}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${route}: ${response.status}`);
  return (await response.json()) as T;
}

/** The sessions of a root, the newest first. */
export async function sessions(root: string): Promise<ServerSession[]> {
  return (await get<ServerSession[]>("/session", root)).filter((one) => one.directory === root && !one.parentID);
}

export function messages(root: string, session: string): Promise<ServerMessage[]> {
  return get<ServerMessage[]>(`/session/${session}/message`, root);
}

/** What the agent has said, part by part. */
export function answers(list: ServerMessage[]): string[] {
  return list.filter(({ info }) => info.role === "assistant")
    .flatMap(({ parts }) => parts.filter(({ type, text }) => type === "text" && text).map(({ text }) => text ?? ""));
}

/** The words of a text, so that Markdown and what is shown of it can be compared. */
export function words(text: string): string {
  return (text.match(/[\p{L}\p{N}]+/gu) ?? []).join(" ");
}

export function file(root: string, name: string): string {
  return readFileSync(path.join(root, name), "utf8");
}

/** Puts the files of a root back. */
export function restore(root: string): void {
  execFileSync("git", ["checkout", "--quiet", "--", "."], { cwd: root, stdio: "ignore" });
}

/** Waits for a condition, at most `bound` milliseconds; what went wrong last is in the error. */
export async function until<T>(what: string, look: () => Promise<T | false | undefined> | T | false | undefined, bound = 30_000): Promise<T> {
  const end = Date.now() + bound;
  let last = "";
  for (;;) {
    try {
      const found = await look();
      if (found !== false && found !== undefined) return found;
    } catch (error) {
      last = `: ${String(error).split("\n")[0]}`;
    }
    if (Date.now() > end) throw new Error(`waited ${bound / 1000} s for ${what}${last}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

export function equal(left: string, right: string, what: string): void {
  if (left !== right) throw new Error(`${what}:\n  ${JSON.stringify(left)}\n  ${JSON.stringify(right)}`);
}
