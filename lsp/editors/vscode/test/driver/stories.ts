// The stories, in the order in which they are played. What a person sees is compared with what the server has.

import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Frame } from "playwright-core";

import { answers, check, desk, equal, file, messages, restore, sessions, until, words } from "./desk.ts";
import type { Window } from "./window.ts";

const [FIRST, SECOND] = desk.roots;

export interface Story { name: string; run(window: Window): Promise<void> }

export const stories: Story[] = [
  { name: "chat with streaming in the view of Nexus", run: streaming },
  { name: "completion of a mention", run: completion },
  { name: "permission allowed", run: allowed },
  { name: "permission denied", run: denied },
  { name: "question answered", run: question },
  { name: "abort", run: abort },
  { name: "restart of the window and replay", run: replay },
  { name: "restart of the language server", run: restart },
  { name: "sessions are listed, searched and opened", run: listed },
  { name: "code action fixes a file", run: fix },
  { name: "selection and diagnostics as context", run: selected },
  { name: "review with one change rejected", run: review },
  { name: "a chat in a file, and a transcript", run: documents },
  { name: "two roots", run: twoRoots },
  { name: "chat with streaming in the native Chat view", run: native },
  { name: "permission in the native Chat view", run: nativePermission },
];

/** What must be there before the window opens, so that it can be found in it. */
export function prepare(): void {
  writeFileSync(path.join(FIRST, "talk.nexus.md"), "## You\n\nsomething in a file\n");
}

async function say(chat: Frame, text: string): Promise<void> {
  const input = chat.locator("#input");
  await input.fill(text);
  await input.press("Enter");
}

async function done(chat: Frame): Promise<void> {
  await chat.locator("body[data-running=false]").waitFor();
}

async function answered(chat: Frame, text: string): Promise<void> {
  await chat.locator(".agent .text", { hasText: text }).last().waitFor();
  await done(chat);
}

/** The newest session of a root on the server: that of the story. */
async function newest(root: string): Promise<string> {
  const [session] = await sessions(root);
  if (!session) throw new Error(`the server has no session in ${root}`);
  return session.id;
}

/** What the agent says on the page, without what the page adds. */
function shownAnswers(chat: Frame): Promise<string> {
  return chat.locator("#log").evaluate((log) => {
    const texts = [...log.querySelectorAll<HTMLElement>(".agent .body > .text")].map((text) => {
      const copy = text.cloneNode(true) as HTMLElement;
      copy.querySelectorAll("button").forEach((button) => button.remove());
      // Blocks and cells are words apart.
      copy.querySelectorAll("*").forEach((inner) => inner.append(" "));
      return copy.textContent ?? "";
    });
    return texts.join(" ");
  });
}

/** The page shows what the server has. */
async function compare(chat: Frame, root: string, session: string): Promise<void> {
  const has = words(answers(await messages(root, session)).join(" "));
  equal(words(await shownAnswers(chat)), has, "the page and the server differ");
}

async function streaming(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  await say(chat, "STREAM show me a sort");
  // While it comes: the beginning is there, the end is not.
  await chat.locator(".agent .text", { hasText: "insertion" }).waitFor();
  check(!(await chat.locator("#log").innerText()).includes("all about sorting"), "the answer did not stream");
  check(await chat.locator("#stop").isVisible(), "a running answer cannot be stopped");
  await window.shot("streaming");
  await answered(chat, "all about sorting");
  await chat.locator("table td", { hasText: "linear" }).waitFor();
  await window.shot("answer");
  await compare(chat, FIRST, await newest(FIRST));
}

async function completion(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  const input = chat.locator("#input");
  await input.click();
  await input.pressSequentially("look at @poe");
  const option = chat.locator("#suggestions [role=option]", { hasText: "poem.md" }).first();
  await option.waitFor();
  await window.shot("completion");
  await until("poem.md to be chosen", async () => {
    if ((await option.getAttribute("aria-selected")) === "true") return true;
    await input.press("ArrowDown");
    return false;
  });
  await input.press("Enter");
  check((await input.inputValue()).includes("poem.md"), "the mention was not completed");
  await input.pressSequentially("please");
  await input.press("Enter");
  await answered(chat, "Heard");
  const list = await messages(FIRST, await newest(FIRST));
  const prompt = list.find(({ info }) => info.role === "user");
  check(JSON.stringify(prompt?.parts).includes("line twelve") || (prompt?.parts ?? []).some((part) => part.url?.includes("poem.md")),
    `the file did not go along: ${JSON.stringify(prompt?.parts)}`);
}

async function allowed(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  await say(chat, "ALLOW the command");
  await chat.locator(".ask", { hasText: "echo allowed" }).waitFor();
  await window.shot("permission");
  await chat.getByRole("button", { name: "Allow once" }).click();
  await answered(chat, "The command has run.");
  equal(file(FIRST, "allowed.txt"), "allowed\n", "the command has not run");
  check((await chat.locator(".ask").count()) === 0, "the question is still there");
  await compare(chat, FIRST, await newest(FIRST));
}

async function denied(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  await say(chat, "DENY the command");
  await chat.locator(".ask", { hasText: "echo denied" }).waitFor();
  await chat.getByRole("button", { name: "Reject" }).click();
  await done(chat);
  await chat.locator('.tool[data-status="error"]').waitFor();
  let ran = true;
  try { file(FIRST, "denied.txt"); } catch { ran = false; }
  check(!ran, "the command has run all the same");
  await window.shot("denied");
  await compare(chat, FIRST, await newest(FIRST));
}

async function question(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  await say(chat, "QUESTION me");
  await chat.locator(".ask legend", { hasText: "Which colour" }).waitFor();
  await window.shot("question");
  await chat.getByRole("radio", { name: /Red/ }).check();
  await chat.getByRole("button", { name: "Answer" }).click();
  await answered(chat, "A fine colour.");
  const list = await messages(FIRST, await newest(FIRST));
  check(JSON.stringify(list).includes("Red"), "the server has another answer");
}

async function abort(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  await say(chat, "STOP me");
  await chat.locator(".agent .text", { hasText: "on and on" }).waitFor();
  await chat.locator("#stop").click();
  await chat.locator(".end", { hasText: "Stopped." }).waitFor();
  await done(chat);
  await window.shot("stopped");
  await compare(chat, FIRST, await newest(FIRST));
  await say(chat, "and now something else");
  await answered(chat, "Heard: and now something else");
}

async function replay(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  await say(chat, "remember this");
  await answered(chat, "Heard: remember this");
  const session = await newest(FIRST);
  await window.reload();
  const again = await window.chat();
  await answered(again, "Heard: remember this");
  await compare(again, FIRST, session);
  await say(again, "and this");
  await answered(again, "Heard: and this");
  equal(await newest(FIRST), session, "another session was begun");
  await window.shot("after a restart");
}

async function restart(window: Window): Promise<void> {
  const chat = await window.newChat(FIRST);
  await say(chat, "before the restart");
  await answered(chat, "Heard: before the restart");
  await window.run("Nexus: Restart Language Server");
  await say(chat, "after the restart");
  await answered(chat, "Heard: after the restart");
  await compare(chat, FIRST, await newest(FIRST));
}

async function listed(window: Window): Promise<void> {
  const { page } = window;
  const chat = await window.newChat(SECOND);
  await say(chat, "something to find");
  await answered(chat, "Heard: something to find");
  const session = await newest(SECOND);
  const other = await window.newChat(FIRST);
  await until("the field to have the keyboard", () => other.locator("#input").evaluate((input) => input === document.activeElement));
  await window.run("Nexus: Search Sessions");
  const rows = page.locator(".quick-input-list .monaco-list-row");
  await rows.filter({ hasText: "second" }).first().waitFor();
  await window.shot("search");
  await page.keyboard.type("second");
  await rows.filter({ hasText: "second" }).first().click();
  await answered(chat, "Heard: something to find");
  await compare(chat, SECOND, session);
}

async function fix(window: Window): Promise<void> {
  restore(FIRST);
  await window.openFile("broken.json");
  const { page } = window;
  await page.locator(".squiggly-error, .squiggly-warning").first().waitFor();
  // The mark of a problem is at the brace behind the comma: F8 goes there.
  await page.locator(".editor-instance .view-lines").first().click();
  await page.keyboard.press("F8");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+.");
  const action = page.locator(".action-widget .monaco-list-row", { hasText: /fix/i }).filter({ hasText: /nexus|opencode/i }).first();
  await action.waitFor();
  await window.shot("code actions");
  await action.click();
  await until("the file to be put right", () => file(FIRST, "broken.json") === '{\n    "name": "first"\n}\n');
  const chat = await window.chat();
  await answered(chat, "The comma is gone.");
  await page.locator(".view-lines", { hasText: '"first"' }).first().waitFor();
  await window.shot("fixed");
  await compare(chat, FIRST, await newest(FIRST));
}

async function selected(window: Window): Promise<void> {
  restore(FIRST);
  const { page } = window;
  const chat = await window.newChat(FIRST);
  await window.openFile("broken.json");
  await page.locator(".squiggly-error, .squiggly-warning").first().waitFor();
  await page.locator(".editor-instance .view-lines").first().click();
  await page.keyboard.press("Control+a");
  await window.run("Nexus: Add Selection to Chat");
  const input = chat.locator("#input");
  await until("the mention in the field", async () => (await input.inputValue()) === "@selection ");
  await input.pressSequentially("and @diagnostics ");
  await input.press("Enter");
  await answered(chat, "The comma is gone.");
  const sent = JSON.stringify((await messages(FIRST, await newest(FIRST))).find(({ info }) => info.role === "user")?.parts);
  check(sent.includes("Trailing comma"), `the diagnostics did not go along: ${sent}`);
  check(/name\\*": \\*"first/.test(sent), `the selection did not go along: ${sent}`);
}

async function review(window: Window): Promise<void> {
  restore(FIRST);
  const { page } = window;
  const chat = await window.newChat(FIRST);
  await say(chat, "EDIT the poem");
  await answered(chat, "The poem is better now.");
  equal(file(FIRST, "poem.md").split("\n")[0] ?? "", "# A better poem", "the model has changed nothing");
  await chat.locator("#review").click();
  const hunk = page.locator(".pane-body .monaco-list-row", { hasText: "# A better poem" }).first();
  await hunk.waitFor();
  await page.locator(".editor-instance .monaco-diff-editor").first().waitFor();
  await window.shot("review");
  await hunk.hover();
  await hunk.locator('.action-label[aria-label^="Reject"]').click();
  const text = (): string => file(FIRST, "poem.md");
  await until("the rejected change to be taken back", () => text().startsWith("# A poem\n"));
  check(text().endsWith("the very end\n"), "the other change was taken back as well");
  await page.locator(".pane-body .monaco-list-row", { hasText: "rejected" }).first().waitFor();
  await window.shot("one rejected");
  // Undo brings it again.
  await page.locator(".monaco-diff-editor .modified .view-lines").first().click();
  await page.keyboard.press("Control+z");
  await page.locator(".monaco-diff-editor .modified .view-lines", { hasText: "A better poem" }).first().waitFor();
  await window.shot("undone");
}

/** The text of the editor that is open, as far as it is in sight. */
async function shownText(window: Window): Promise<string> {
  const lines = await window.page.locator(".editor-instance .view-lines .view-line").allInnerTexts();
  return lines.join("\n").replace(/\u00a0/g, " ");
}

async function documents(window: Window): Promise<void> {
  const { page } = window;
  await window.run("View: Close All Editors");
  await window.openFile("talk.nexus.md");
  await page.locator(".codelens-decoration a", { hasText: "Send to OpenCode" }).first().click();
  await until("the answer in the file", async () => /Heard: something in a file[\s\S]*## You/.test(await shownText(window)));
  await window.shot("a chat in a file");
  await until("the file on disk", () => file(FIRST, "talk.nexus.md").includes("Heard: something in a file"));
  const session = await newest(FIRST);
  check(answers(await messages(FIRST, session)).join() === "Heard: something in a file", "the server has another answer");
  const chat = await window.newChat(FIRST);
  await say(chat, "for the transcript");
  await answered(chat, "Heard: for the transcript");
  await window.run("Nexus: Open Transcript");
  await until("the transcript", async () => (await shownText(window)).includes("Heard: for the transcript"));
  await window.shot("transcript");
}

async function twoRoots(window: Window): Promise<void> {
  const before = (await sessions(SECOND)).length;
  const chat = await window.newChat(SECOND);
  await say(chat, "hello from the second");
  await answered(chat, "Heard: hello from the second");
  const list = await sessions(SECOND);
  equal(String(list.length), String(before + 1), "the session is not in the second root");
  await compare(chat, SECOND, await newest(SECOND));
  const other = await window.newChat(FIRST);
  await say(other, "hello from the first");
  await answered(other, "Heard: hello from the first");
  await compare(other, FIRST, await newest(FIRST));
  await window.run("Nexus: Focus on Sessions View");
  const tree = window.page.locator(".pane-body .monaco-list-row");
  // Folded, so that what is below comes into sight.
  await tree.filter({ hasText: "project" }).first().click();
  await tree.filter({ hasText: "second" }).first().waitFor();
  await tree.filter({ hasText: list[0]?.title ?? "" }).first().waitFor();
  await window.shot("two roots");
}

/** Says something in VS Code's own Chat view, which is open. */
async function sayNative(window: Window, text: string): Promise<void> {
  const { page } = window;
  const input = page.locator(".interactive-input-part .interactive-input-editor .view-lines").first();
  await input.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type(`@nexus ${text}`, { delay: 20 });
  // The list of what can be mentioned closes, and Enter means the prompt.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
}

const NATIVE = ".interactive-item-container.interactive-response";

async function native(window: Window): Promise<void> {
  const { page } = window;
  await page.keyboard.press("Control+Alt+i");
  await sayNative(window, "STREAM show me a sort");
  await window.pick("project");
  const answer = page.locator(NATIVE).last();
  await answer.filter({ hasText: "insertion" }).waitFor();
  check(!(await answer.innerText()).includes("all about sorting"), "the answer did not stream");
  await window.shot("native streaming");
  await answer.filter({ hasText: "all about sorting" }).waitFor();
  await page.locator(".chat-response-loading").first().waitFor({ state: "hidden" }).catch(() => undefined);
  await window.shot("native answer");
  const shown = words(await answer.innerText());
  const session = await newest(FIRST);
  const has = answers(await messages(FIRST, session)).join("\n");
  // Code is drawn by an editor, line by line; the prose is compared.
  for (const line of has.replace(/```[\s\S]*?```/g, "").split("\n")) {
    const wanted = words(line);
    check(shown.includes(wanted), `the Chat view lacks: ${wanted}`);
  }
}

async function nativePermission(window: Window): Promise<void> {
  const { page } = window;
  rmSync(path.join(FIRST, "allowed.txt"), { force: true });
  const session = await newest(FIRST);
  await sayNative(window, "ALLOW the command");
  const answer = page.locator(NATIVE).last();
  await answer.filter({ hasText: "echo allowed" }).waitFor();
  await window.shot("native permission");
  await answer.getByRole("button", { name: "Allow Once" }).click();
  await answer.filter({ hasText: "The command has run." }).waitFor();
  equal(file(FIRST, "allowed.txt"), "allowed\n", "the command has not run");
  equal(await newest(FIRST), session, "the chat went on in another session");
  await window.shot("native allowed");
}
