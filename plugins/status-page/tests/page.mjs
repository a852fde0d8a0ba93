// Plays the page as a person would, and as those would who have no business there. Run by `cargo xtask plugins`, which gives a
// server with a scripted model and the folder of an installation of playwright-core.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const desk = JSON.parse(process.env.NEXUS_DESK);
const require = createRequire(path.join(process.env.NEXUS_PLAYWRIGHT, "package.json"));
const { chromium } = require("playwright-core");
const [root] = desk.roots;

/** Waits for a condition, at most `bound` milliseconds; what went wrong last is in the error. */
async function until(what, look, bound = 30_000) {
  const end = Date.now() + bound;
  let last = "";
  for (;;) {
    try {
      const found = await look();
      if (found) return found;
    } catch (error) {
      last = `: ${String(error).split("\n")[0]}`;
    }
    if (Date.now() > end) throw new Error(`waited ${bound / 1000} s for ${what}${last}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function check(holds, what) {
  if (!holds) throw new Error(what);
}

// What the server has, by REST.
async function rest(method, route, body) {
  const response = await fetch(`${desk.url}${route}?directory=${encodeURIComponent(root)}`, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  check(response.ok, `${method} ${route}: ${response.status}`);
  return response.status === 204 ? undefined : response.json();
}

async function begin(title, text) {
  const session = await rest("POST", "/session", { title });
  await rest("POST", `/session/${session.id}/prompt_async`, { parts: [{ type: "text", text }] });
  return session.id;
}

async function answer(session) {
  const messages = await rest("GET", `/session/${session}/message`);
  const texts = messages.filter(({ info }) => info.role === "assistant").flatMap(({ parts }) => parts);
  return texts.filter(({ type }) => type === "text").map(({ text }) => text).join("\n");
}

/** `nexus plugin open`, and the address that it shows. */
async function run() {
  const child = spawn(desk.nexus, ["plugin", "open", "nexus.status-page"], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (bytes) => { said += bytes; });
  const url = await until("the address of the page", () => {
    check(child.exitCode === null, `nexus has ended: ${said}`);
    return said.match(/http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+/)?.[0];
  }, 60_000);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const end = async () => {
    child.kill("SIGINT");
    await Promise.race([ended, new Promise((_, refuse) => setTimeout(() => refuse(new Error("nexus does not end")), 15_000))]);
  };
  return { url, origin: new URL(url).origin, end };
}

const faults = [];

/** A window whose errors are kept. */
async function open(context, url) {
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`error: ${error}`));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  await page.goto(url);
  return page;
}

const session = (page, id) => page.locator(`.session[data-session="${id}"]`);
const state = (page, id) => session(page, id).getAttribute("data-state");

const one = await run();
const two = await run();
const browser = await chromium.launch({
  executablePath: process.env.NEXUS_CHROMIUM,
  args: ["--no-sandbox", "--host-resolver-rules=MAP rebound.example 127.0.0.1"],
});
const context = await browser.newContext({ reducedMotion: "reduce" });
const page = await open(context, one.url);

const stories = {
  async "a session is shown live, and at its end as the server has it"() {
    await until("the connection", async () => (await page.locator("#connection").textContent()) === "Live");
    check(!page.url().includes("token"), "the token is not in the address any more");
    const id = await begin("Sorting", "STREAM");
    await until("work", async () => (await state(page, id)) === "busy");
    await until("the end", async () => (await state(page, id)) === "completed");
    const shown = await session(page, id).locator(".answer pre").textContent();
    const lines = (await answer(id)).split("\n").filter((line) => line.trim()).slice(-4).join("\n");
    check(shown === lines, `shown ${JSON.stringify(shown)}, on the server ${JSON.stringify(lines)}`);
    check((await session(page, id).locator(".prompt pre").textContent()) === "STREAM", "the prompt is shown");
    check((await session(page, id).locator(".title").textContent()).includes("Sorting"), "the title is shown");
    check((await page.locator("#news").textContent()).includes("done"), "the end is announced");
  },

  async "who asks for permission stands first and is announced"() {
    const id = await begin("Asking", "ALLOW");
    const asks = page.locator(`#waiting .session[data-session="${id}"]`);
    await until("the question", async () => (await asks.count()) === 1);
    check((await asks.locator(".asks pre").textContent()).includes("echo allowed"), "what is asked is shown");
    check((await page.locator("#news").textContent()).includes("asks"), "it is announced");
    check((await page.title()).startsWith("(1)"), "the title of the window says it");
    const [ask] = await until("the request", async () => {
      const open = (await rest("GET", "/permission")).filter(({ sessionID }) => sessionID === id);
      return open.length > 0 && open;
    });
    await rest("POST", `/permission/${ask.id}/reply`, { reply: "once" });
    await until("the end", async () => (await state(page, id)) === "completed");
    check((await asks.count()) === 0, "nobody waits any more");
  },

  async "a page that is opened later shows the same"() {
    const later = await open(context, one.url);
    const ids = async (of) => (await of.locator(".session").evaluateAll((all) => all.map((it) => it.dataset.session))).sort().join();
    await until("the same sessions", async () => (await ids(page)) !== "" && (await ids(later)) === (await ids(page)));
    await later.close();
  },

  async "keys are enough"() {
    await page.locator("#active").focus();
    await page.keyboard.press("Space");
    await until("only those at work", async () => (await page.locator(".session").count()) === 0);
    await page.keyboard.press("Space");
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate(() => document.activeElement.tagName);
    if ((await focused()) === "UL") await page.keyboard.press("Tab");
    check((await focused()) === "SUMMARY", `the focus is at ${await focused()}`);
    const isOpen = () => page.evaluate(() => document.activeElement.parentElement.open);
    const before = await isOpen();
    await page.keyboard.press("Enter");
    check((await isOpen()) !== before, "a session is closed and opened by the keyboard");
    await page.keyboard.press("Enter");
  },

  async "it is dark where the person wants it dark, and says its changes politely"() {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: "light" });
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    check((await ground()) !== light, "dark is another colour");
    check((await page.locator("#news").getAttribute("aria-live")) === "polite", "changes are said politely");
    await page.screenshot({ path: path.join(desk.shots, "status-page-dark.png"), fullPage: true });
    await page.emulateMedia({ colorScheme: "light" });
    await page.screenshot({ path: path.join(desk.shots, "status-page-light.png"), fullPage: true });
  },

  async "the page itself has no errors"() {
    check(faults.length === 0, faults.join("; "));
  },

  async "without the token there is nothing"() {
    const stranger = await browser.newContext();
    const window = await stranger.newPage();
    const answer = await window.goto(`${one.origin}/`);
    check(answer.status() === 403, `status ${answer.status()}`);
    const wrong = await window.goto(`${one.origin}/?token=wrong`);
    check(wrong.status() === 403 && (await stranger.cookies()).length === 0, "a wrong token gets no cookie");
    await stranger.close();
  },

  async "a name that was bound to this machine is another host"() {
    const window = await context.newPage();
    const answer = await window.goto(one.url.replace("127.0.0.1", "rebound.example"));
    check(answer.status() === 421, `status ${answer.status()}`);
    await window.close();
  },

  async "a foreign page reaches nothing"() {
    const evil = await foreign();
    const window = await context.newPage();
    for (const host of ["127.0.0.1", "localhost"]) {
      await window.goto(`http://${host}:${evil.port}/`);
      await attacked(window, one.origin);
    }
    await window.close();
    evil.close();
  },

  async "a page of one plugin reaches no other plugin"() {
    // Both cookies are there, as in the browser of a person who uses both.
    const other = await open(context, two.url);
    await until("the other page", async () => (await other.locator("#connection").textContent()) === "Live");
    check((await context.cookies()).length >= 2, "both cookies are there");
    await attacked(page, two.origin);
    await other.close();
  },
};

/** A page of somebody else. */
async function foreign() {
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><p>evil"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, close: () => server.close() };
}

/** Everything that a page can try on another origin. Each must fail, whatever cookies there are. */
async function attacked(window, target) {
  const known = faults.length;
  const got = await window.evaluate(async (target) => {
    const tries = {};
    const load = (tag, attributes) => new Promise((resolve) => {
      const made = Object.assign(document.createElement(tag), attributes);
      made.onload = () => resolve("loaded");
      made.onerror = () => resolve("refused");
      document.body.append(made);
      setTimeout(() => resolve("refused"), 5_000);
    });
    const ask = (name, options) => fetch(`${target}/${name}`, options).then((a) => (a.type === "opaque" ? "refused" : `read ${a.status}`), () => "refused");
    tries.read = await ask("board.json", { credentials: "include" });
    tries.post = await ask("do", { method: "POST", credentials: "include", body: "x" });
    tries.json = await ask("do", { method: "POST", credentials: "include", headers: { "content-type": "application/json" }, body: "{}" });
    tries.script = await load("script", { src: `${target}/app.js` });
    tries.image = await load("img", { src: `${target}/icon.svg` });
    tries.events = await new Promise((resolve) => {
      let events;
      try {
        events = new EventSource(`${target}/events`, { withCredentials: true });
      } catch {
        return resolve("refused");
      }
      events.onmessage = events.onopen = () => { events.close(); resolve("open"); };
      events.onerror = () => { events.close(); resolve("refused"); };
    });
    const frame = document.createElement("iframe");
    frame.src = `${target}/`;
    await new Promise((resolve) => { frame.onload = frame.onerror = resolve; setTimeout(resolve, 5_000); document.body.append(frame); });
    try {
      tries.frame = frame.contentDocument && frame.contentDocument.body.childElementCount > 0 ? "read" : "refused";
    } catch {
      tries.frame = "refused";
    }
    frame.remove();
    return tries;
  }, target);
  // A page that is kept from something says so in its console; that is no fault of its own.
  faults.length = known;
  for (const [name, result] of Object.entries(got)) check(result === "refused", `${name}: ${result}`);
}

let failed = 0;
for (const [story, play] of Object.entries(stories)) {
  if (desk.only && !story.includes(desk.only)) continue;
  const begun = Date.now();
  let why = "";
  try {
    await play();
  } catch (error) {
    why = String(error.message ?? error);
    failed += 1;
    await page.screenshot({ path: path.join(desk.shots, `failed-${failed}.png`) }).catch(() => {});
  }
  console.log(JSON.stringify({ story, ok: why === "", seconds: (Date.now() - begun) / 1000, why }));
}
await browser.close();
await Promise.all([one.end(), two.end()]);
process.exit(failed === 0 ? 0 : 1);
