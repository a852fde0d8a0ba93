// The server's models for VS Code's own chat. With at least one of them chosen, the Chat view works without any other
// extension; and other extensions can use OpenCode's models. A request becomes a session of its own, which goes again.

import * as vscode from "vscode";

import { method, type ChatProgress, type ModelsResult, type SendResult } from "./protocol.ts";
import { emptyView, endLine, fold } from "./chat/view.ts";
import { pickRoot, rootUris } from "./roots.ts";
import type { Server } from "./server.ts";

/** The model that the server chooses; there before any server runs. */
const DEFAULT = "default";
/** OpenCode counts itself; this only keeps VS Code from sending what cannot fit. */
const MOST_INPUT = 200_000;
const MOST_OUTPUT = 32_000;
/** A token is about four characters of English. */
const CHARACTERS = 4;

export class Models implements vscode.LanguageModelChatProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.changed.event;
  private known: ModelsResult = { models: [] };
  private root: string | undefined;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  /** Reads the models of a root, once its server is there. */
  async learn(root: string): Promise<void> {
    const models = await this.server.request<ModelsResult>(method.models, { root });
    if (JSON.stringify(models) === JSON.stringify(this.known)) return;
    this.known = models;
    this.changed.fire();
  }

  provideLanguageModelChatInformation(): vscode.LanguageModelChatInformation[] {
    const common = {
      family: "opencode", version: "1", maxInputTokens: MOST_INPUT, maxOutputTokens: MOST_OUTPUT,
      // OpenCode calls its own tools. Without saying so no model is there for the Chat view in its usual mode, `Agent`.
      capabilities: { toolCalling: true, imageInput: false },
    };
    const chosen = this.known.default ? `as the server has it: ${this.known.default}` : "as the server has it";
    const models = this.known.models.map(({ id, name, provider }) => ({ ...common, id, name, detail: provider }));
    return [{ ...common, id: DEFAULT, name: "OpenCode", tooltip: chosen }, ...models];
  }

  async provideLanguageModelChatResponse(
    model: vscode.LanguageModelChatInformation,
    messages: readonly vscode.LanguageModelChatRequestMessage[],
    _options: vscode.ProvideLanguageModelChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const root = await this.askedRoot();
    const view = emptyView("");
    let done: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => { done = resolve; });
    const listening = await this.server.listen((event) => {
      fold(view, event);
      if (event.kind === "delta" && isAnswer(view, event)) progress.report(new vscode.LanguageModelTextPart(event.text));
      if (event.kind === "end") done();
    });
    const broken = this.server.onState(() => { if (this.server.state === "stopped") done(); });
    let sent: SendResult | undefined;
    let stopping: vscode.Disposable | undefined;
    try {
      sent = await this.server.request<SendResult>(method.send, {
        root, model: model.id === DEFAULT ? null : model.id, partialResultToken: listening.token,
        // What other extensions write mentions nothing of this project.
        parts: [{ type: "text", text: conversationText(messages), plain: true }],
      });
      const { sessionId, turnId } = sent;
      const stop = (): void => void this.server.request(method.cancel, { sessionId, turnId }).catch(done);
      stopping = token.onCancellationRequested(stop);
      if (token.isCancellationRequested) stop();
      await ended;
      const line = view.end?.reason === "aborted" ? "" : endLine(view.end ?? { reason: "lost", error: null });
      if (line) throw new Error(line);
    } finally {
      listening.dispose();
      broken.dispose();
      stopping?.dispose();
      if (sent) await this.server.request(method.sessionDelete, { sessionId: sent.sessionId, root }).catch(() => undefined);
    }
  }

  /** The root that is meant: the only one, else the one that the person has chosen in this window. */
  private async askedRoot(): Promise<string> {
    if (!this.root || !rootUris().includes(this.root)) this.root = await pickRoot();
    if (!this.root) throw new Error("Choose the folder that this is about, and ask again.");
    return this.root;
  }

  async provideTokenCount(
    _model: vscode.LanguageModelChatInformation, text: string | vscode.LanguageModelChatRequestMessage,
  ): Promise<number> {
    const length = typeof text === "string" ? text.length : messageText(text).length;
    return Math.ceil(length / CHARACTERS);
  }
}

function isAnswer(view: ReturnType<typeof emptyView>, event: Extract<ChatProgress, { kind: "delta" }>): boolean {
  const message = view.messages.find((message) => message.id === event.messageId);
  return !event.child && event.channel === "text" && message?.role === "assistant";
}

function messageText(message: vscode.LanguageModelChatRequestMessage): string {
  const parts = message.content.filter((part) => part instanceof vscode.LanguageModelTextPart);
  return parts.map((part) => part.value).join("");
}

/** The messages as one prompt: one alone as it is, several with who said them. */
function conversationText(messages: readonly vscode.LanguageModelChatRequestMessage[]): string {
  if (messages.length === 1 && messages[0]) return messageText(messages[0]);
  const name = (role: vscode.LanguageModelChatMessageRole): string =>
    role === vscode.LanguageModelChatMessageRole.Assistant ? "assistant" : "user";
  return messages.map((message) => `<${name(message.role)}>\n${messageText(message)}\n</${name(message.role)}>`).join("\n");
}

export function registerModels(server: Server): vscode.Disposable {
  const models = new Models(server);
  const learnt = server.onStatus((status) => {
    if (status.state === "ready") void models.learn(status.root).catch((error: unknown) => server.output.warn(String(error)));
  });
  const registered = vscode.lm.registerLanguageModelChatProvider("nexus", models);
  // Without this VS Code does not ask for the models, and its Chat view says that there are none.
  void vscode.lm.selectChatModels({ vendor: "nexus" }).then(undefined, (error: unknown) => server.output.warn(String(error)));
  return vscode.Disposable.from(registered, learnt);
}
