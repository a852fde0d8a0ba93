// The chat as a view of its own, for every editor that has views. The page draws; what is true stands here, in the watched
// session, so that a page that is made again shows the same.

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

import { notify } from "./asks.ts";
import type { FromPage, ToPage } from "./chat/messages.ts";
import { shownMessages } from "./chat/view.ts";
import type { Chats } from "./chats.ts";
import { method, type Chat, type InputPart, type NamedList, type Suggestion } from "./protocol.ts";
import { pickRoot, rootName, rootUris } from "./roots.ts";
import { said, type Server } from "./server.ts";

/** Which session is open, beyond a reload of the window. */
const OPEN = "nexus.openChat";

export class ChatPanel implements vscode.WebviewViewProvider, vscode.Disposable {
  private page: vscode.WebviewView | undefined;
  /** What is told when the page is there. */
  private pending: ToPage | undefined;
  /** What is open; without a `sessionId` a chat that has no prompt yet. */
  private chat: Chat | undefined;
  private note = "";
  private readonly subscriptions: vscode.Disposable;
  private readonly extension: vscode.ExtensionContext;
  private readonly server: Server;
  private readonly chats: Chats;

  constructor(extension: vscode.ExtensionContext, server: Server, chats: Chats) {
    this.extension = extension;
    this.server = server;
    this.chats = chats;
    this.chat = extension.workspaceState.get<Chat>(OPEN);
    this.subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewViewProvider("nexus.chat", this),
      chats.onEvent(({ chat, event }) => {
        if (chat.sessionId !== this.chat?.sessionId) return;
        this.tell({ type: "event", event });
        if (this.page?.visible || (event.kind !== "permission" && event.kind !== "question")) return;
        const ask = chats.ask(chat.sessionId, event.kind === "permission" ? event.permissionId : event.questionId);
        if (ask) void notify(chats, chat.sessionId, ask);
      }),
      // The chat that was open before the window was loaded again.
      server.onStarted(() => void this.resume()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.draw()),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  /** The session that is open. */
  get open(): Chat | undefined {
    return this.chat?.sessionId ? this.chat : undefined;
  }

  /** Shows a session, without taking the keyboard away unless `focus`. */
  async show(chat: Chat, focus = true): Promise<void> {
    if (this.chat?.sessionId !== chat.sessionId || !this.chats.view(chat.sessionId)) {
      const { chat: old } = this;
      this.take(chat);
      if (old?.sessionId && old.sessionId !== chat.sessionId) void this.chats.unwatch(old.sessionId);
      await this.chats.watch(chat);
    }
    this.note = "";
    await this.reveal(focus);
    this.draw();
  }

  /** Begins a chat about a root; asks which one where it is not clear. */
  async begin(): Promise<void> {
    const root = await pickRoot();
    if (!root) return;
    const { chat: old } = this;
    this.take({ sessionId: "", root });
    if (old?.sessionId) void this.chats.unwatch(old.sessionId);
    this.note = "";
    await this.reveal(true);
    this.draw();
    this.tell({ type: "focus" });
  }

  async reveal(focus: boolean): Promise<void> {
    if (this.page) this.page.show(!focus);
    else await vscode.commands.executeCommand("nexus.chat.focus");
  }

  /** Opens the chat with a mention in the field. */
  async mention(text: string): Promise<void> {
    const message: ToPage = { type: "insert", text };
    if (!this.page) this.pending = message;
    await this.reveal(true);
    if (!this.pending) this.tell(message);
  }

  /** Takes the last prompt back with what it has changed, or, `back`, brings what was taken back again. */
  async undo(back: boolean): Promise<void> {
    const { open } = this;
    const view = open && this.chats.view(open.sessionId);
    if (!view) throw new Error("Open a session first.");
    const prompt = shownMessages(view).filter((message) => message.role === "user").pop();
    if (!back && !prompt) throw new Error("There is nothing to take back.");
    await this.server.request(method.sessionRevert, { ...open, messageId: back ? null : prompt?.id });
  }

  async stop(): Promise<void> {
    const { open } = this;
    if (open) await this.chats.cancel(open.sessionId, this.chats.view(open.sessionId)?.turn ?? null);
  }

  private take(chat: Chat): void {
    this.chat = chat;
    void this.extension.workspaceState.update(OPEN, chat.sessionId ? chat : undefined);
  }

  private async resume(): Promise<void> {
    const { open } = this;
    if (!open) return;
    try {
      await this.chats.watch(open);
    } catch (error) {
      this.note = `The session that was open cannot be shown: ${said(error)}`;
    }
    this.draw();
  }

  // The page.

  resolveWebviewView(page: vscode.WebviewView): void {
    this.page = page;
    const dist = vscode.Uri.joinPath(this.extension.extensionUri, "dist");
    page.webview.options = { enableScripts: true, localResourceRoots: [dist] };
    page.webview.onDidReceiveMessage((message: FromPage) => this.hear(message).catch((error: unknown) => {
      void vscode.window.showErrorMessage(`Nexus: ${said(error)}`);
    }));
    page.onDidDispose(() => { if (this.page === page) this.page = undefined; });
    page.webview.html = html(page.webview, dist);
  }

  private tell(message: ToPage): void {
    void this.page?.webview.postMessage(message);
  }

  private draw(): void {
    const { chat } = this;
    const view = chat?.sessionId ? (this.chats.view(chat.sessionId) ?? null) : null;
    if (this.page) this.page.description = chat ? (view?.title ?? "") : "";
    this.tell({
      type: "show", view, rootName: chat ? rootName(chat.root) : "", severalRoots: rootUris().length > 1, note: this.note,
    });
  }

  private async hear(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.draw();
        if (this.pending) this.tell(this.pending);
        this.pending = undefined;
        return;
      case "send":
        return this.send(message.text);
      case "stop":
        return this.stop();
      case "permission":
        if (this.open) await this.chats.replyPermission(this.open.sessionId, message.id, message.reply);
        return;
      case "question":
        if (this.open) await this.chats.replyQuestion(this.open.sessionId, message.id, message.answers);
        return;
      case "suggest":
        return this.tell({ type: "suggestions", id: message.id, items: await this.suggest(message.typed) });
      case "open":
        return this.openFile(message.path);
      case "copy":
        return vscode.env.clipboard.writeText(message.text);
      case "review":
        return void (await vscode.commands.executeCommand("nexus.review.open", this.open));
      case "root":
        return this.begin();
    }
  }

  private async send(text: string): Promise<void> {
    const root = this.chat?.root ?? (await pickRoot());
    if (!root) return this.tell({ type: "sent", ok: false, text, note: "" });
    try {
      const parts: InputPart[] = [{ type: "text", text }];
      const sent = await this.chats.send(root, this.chat?.sessionId || null, parts);
      if (typeof sent.shown === "string") return this.tell({ type: "sent", ok: true, text, note: sent.shown });
      const note = (sent.leftOut ?? []).map(({ title, reason }) => `${title} was left out: ${reason}`).join("\n");
      if (this.chat?.sessionId !== sent.sessionId) await this.show({ sessionId: sent.sessionId, root }, false);
      this.tell({ type: "sent", ok: true, text, note });
    } catch (error) {
      this.tell({ type: "sent", ok: false, text, note: said(error) });
    }
  }

  private async suggest(typed: string): Promise<Suggestion[]> {
    const root = this.chat?.root ?? (rootUris().length === 1 ? rootUris()[0] : undefined);
    if (!root) return [];
    if (typed.startsWith("/")) {
      const { items } = await this.server.request<NamedList>(method.commands, { root });
      return items.filter(({ name }) => `/${name}`.startsWith(typed))
        .map(({ name, description }) => ({ label: `/${name}`, detail: description, mention: `/${name}` }));
    }
    const params = { root, typed, limit: 20 };
    return (await this.server.request<{ suggestions: Suggestion[] }>(method.contextSuggest, params)).suggestions;
  }

  /** A file of the project that the answer names; `path:line` as well. */
  private async openFile(path: string): Promise<void> {
    if (!this.chat) return;
    const [, name = path, line] = /^(.*?)(?::(\d+))?$/.exec(path) ?? [];
    const uri = name.startsWith("/") ? vscode.Uri.file(name) : vscode.Uri.joinPath(vscode.Uri.parse(this.chat.root), name);
    if (!vscode.workspace.getWorkspaceFolder(uri)) throw new Error(`${name} is not in this workspace.`);
    const at = Math.max(0, Number(line ?? 1) - 1);
    await vscode.window.showTextDocument(uri, { selection: new vscode.Range(at, 0, at, 0) });
  }
}

/** The frame of the page. Nothing but our script and our style is loaded, and nothing from elsewhere. */
function html(webview: vscode.Webview, dist: vscode.Uri): string {
  const nonce = randomBytes(18).toString("base64");
  const uri = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(dist, name)).toString();
  const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${uri("chat.css")}">
<title>Nexus Chat</title>
</head>
<body>
<div id="bar"><span id="root"></span><button id="change-root" type="button" hidden>Other folder…</button></div>
<main id="log" role="log" aria-label="Conversation" tabindex="0"></main>
<div id="state" hidden></div>
<div id="asks" role="region" aria-label="What the agent asks"></div>
<form id="composer">
<ul id="suggestions" role="listbox" aria-label="Suggestions" hidden></ul>
<textarea id="input" rows="3" role="combobox" aria-label="Prompt" aria-autocomplete="list" aria-expanded="false"
 aria-controls="suggestions" placeholder="Ask OpenCode. @ mentions files and more, / runs a command."></textarea>
<div id="buttons"><span id="usage"></span>
<button id="stop" type="button" hidden>Stop</button><button id="send" type="submit">Send</button></div>
</form>
<div id="spoken" role="status" aria-live="polite"></div>
<script nonce="${nonce}" src="${uri("chat.js")}"></script>
</body>
</html>`;
}
