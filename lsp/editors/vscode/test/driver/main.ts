// Plays the stories of VS Code, and says one line of JSON for each. `cargo xtask editors` starts it.

import process from "node:process";

import { desk } from "./desk.ts";
import { prepare, stories } from "./stories.ts";
import { Window } from "./window.ts";

function tell(story: string, started: number, why?: string): void {
  const seconds = (Date.now() - started) / 1000;
  process.stdout.write(`${JSON.stringify({ story, ok: why === undefined, seconds, why: why ?? "" })}\n`);
}

// Whoever started this ends it with everything that it has started. When they are gone without having done so, it does.
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(-process.pid, "SIGKILL"); }, 1000).unref();

const chosen = stories.filter(({ name }) => !desk.only || name.includes(desk.only));
let started = Date.now();
let failed = 0;
let window: Window | undefined;
try {
  prepare();
  window = await Window.open();
  tell("the window opens", started);
  for (const { name, run } of chosen) {
    started = Date.now();
    try {
      await run(window);
      tell(name, started);
    } catch (error) {
      failed += 1;
      tell(name, started, String(error instanceof Error ? error.message : error).split("\n").slice(0, 4).join(" | "));
      await window.shot(`${name} failed`).catch(() => undefined);
      // What is open on the screen must not disturb the next story.
      await window.page.keyboard.press("Escape").catch(() => undefined);
    }
  }
} catch (error) {
  failed += 1;
  tell("the window opens", started, String(error).split("\n").slice(0, 4).join(" | "));
} finally {
  await window?.close();
}
process.exit(failed > 0 ? 1 : 0);
