// The sessions that are watched: each has one subscription and one view, folded here, for everybody who shows it. When the
// language server is a new one, everything is subscribed to again.

import * as vscode from "vscode";

import { emptyView, fold, type Ask, type ChatView } from "./chat/view.ts";
import { method, type Chat, type ChatProgress, type InputPart, type SendResult, type SubscribeResult } from "./protocol.ts";
import { said, type Server } from "./server.ts";

export interface Told { chat: Chat; event: ChatProgress }

class Watched {
  readonly view: ChatView;
  subscription = "";
  /** The server hears nothing of the session any more. The next who wants something of it subscribes again. */
  isClosed = false;
  listening: vscode.Disposable | undefined;
  readonly chat: Chat;

  constructor(chat: Chat) {
    this.chat = chat;
    this.view = emptyView(chat.sessionId);
  }
}

export class Chats implements vscode.Disposable {
  private readonly watched = new Map<string, Watched>();
  private readonly onEventEmitter = new vscode.EventEmitter<Told>();
  /** Something has happened in a watched session; the view has it already. */
  readonly onEvent = this.onEventEmitter.event;
  private readonly started: vscode.Disposable;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
    this.started = server.onStarted(() => {
      for (const watched of this.watched.values()) void this.subscribe(watched).catch(() => undefined);
    });
  }

  dispose(): void {
    this.started.dispose();
    for (const watched of this.watched.values()) watched.listening?.dispose();
    this.onEventEmitter.dispose();
  }

  view(sessionId: string): ChatView | undefined {
    return this.watched.get(sessionId)?.view;
  }

  /** Watches a session from now on, from its beginning. */
  async watch(chat: Chat): Promise<ChatView> {
    const known = this.watched.get(chat.sessionId);
    if (known) {
      if (known.isClosed) await this.subscribe(known);
      return known.view;
    }
    const watched = new Watched(chat);
    this.watched.set(chat.sessionId, watched);
    try {
      await this.subscribe(watched);
    } catch (error) {
      this.watched.delete(chat.sessionId);
      throw error;
    }
    return watched.view;
  }

  async unwatch(sessionId: string): Promise<void> {
    const watched = this.watched.get(sessionId);
    if (!watched) return;
    this.watched.delete(sessionId);
    watched.listening?.dispose();
    if (watched.subscription) {
      await this.server.request(method.unsubscribe, { subscriptionId: watched.subscription }).catch(() => undefined);
    }
  }

  private async subscribe(watched: Watched): Promise<void> {
    watched.listening?.dispose();
    const { chat } = watched;
    const listening = await this.server.listen((event) => {
      fold(watched.view, event);
      if (event.kind === "connection") watched.isClosed = event.state === "closed";
      this.onEventEmitter.fire({ chat, event });
    });
    watched.listening = listening;
    watched.isClosed = false;
    const { sessionId, root } = chat;
    const since = watched.view.epoch ? { sinceSeq: watched.view.seq, epoch: watched.view.epoch } : {};
    const result = await this.server.request<SubscribeResult>(
      method.subscribe, { sessionId, root, ...since, partialResultToken: listening.token },
    );
    watched.subscription = result.subscriptionId;
  }

  /** Sends in a session, or in a new one of the root. What happens is heard by those who watch. */
  async send(root: string, sessionId: string | null, parts: InputPart[]): Promise<SendResult> {
    const watched = sessionId ? this.watched.get(sessionId) : undefined;
    if (watched?.isClosed) await this.subscribe(watched);
    return this.server.request<SendResult>(method.send, { sessionId, root, parts });
  }

  cancel(sessionId: string, turnId: string | null): Promise<unknown> {
    return this.server.request(method.cancel, { sessionId, turnId: turnId || null });
  }

  /** Answers a permission: `once`, `always` or `reject`. */
  async replyPermission(sessionId: string, permissionId: string, reply: string, message?: string): Promise<void> {
    await this.reply(method.permissionReply, { sessionId, permissionId, reply, message: message || null });
  }

  /** Answers a question; null rejects it. */
  async replyQuestion(sessionId: string, questionId: string, answers: string[][] | null): Promise<void> {
    await this.reply(method.questionReply, { sessionId, questionId, answers });
  }

  private async reply(name: string, params: object): Promise<void> {
    try {
      const { accepted } = await this.server.request<{ accepted: boolean }>(name, params);
      if (!accepted) vscode.window.setStatusBarMessage("Nexus: this was answered already.", 5000);
    } catch (error) {
      void vscode.window.showErrorMessage(`Nexus: ${said(error)}`);
    }
  }

  /** An open question of a session, by its name. */
  ask(sessionId: string, id: string): Ask | undefined {
    return this.view(sessionId)?.asks.find((ask) => ask.id === id);
  }
}
