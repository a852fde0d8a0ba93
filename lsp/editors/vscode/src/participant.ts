// `@nexus` in VS Code's own Chat view. Each chat there is one session: the answers carry its name.

import * as vscode from "vscode";

import { answerQuestion, REPLIES } from "./asks.ts";
import { changedFiles, emptyView, endLine, fold, permissionLine, shownMessages, toolLine, type Ask, type ChatView, type ToolPart } from "./chat/view.ts";
import type { Chats } from "./chats.ts";
import { method, type Chat, type ChatProgress, type InputPart, type NamedList, type SendResult } from "./protocol.ts";
import { pickRoot } from "./roots.ts";
import { said, type Server } from "./server.ts";

export function registerParticipant(server: Server, chats: Chats): vscode.Disposable {
  const participant = vscode.chat.createChatParticipant("nexus.chat", async (request, context, stream, token) => {
    try {
      return await new Answer(server, chats, stream, token).give(request, context);
    } catch (error) {
      return { errorDetails: { message: said(error) } };
    }
  });
  participant.iconPath = new vscode.ThemeIcon("sparkle");
  return vscode.Disposable.from(
    participant,
    vscode.commands.registerCommand("nexus.permission.reply", (sessionId: string, id: string, reply: string) =>
      chats.replyPermission(sessionId, id, reply)),
    vscode.commands.registerCommand("nexus.question.reply", (sessionId: string, id: string, answers: string[][] | null) =>
      chats.replyQuestion(sessionId, id, answers)),
    vscode.commands.registerCommand("nexus.question.answer", (sessionId: string, ask: Extract<Ask, { kind: "question" }>) =>
      answerQuestion(chats, sessionId, ask.id, ask.items)),
  );
}

/** The session of a chat, as its last answer has it. */
function sessionOf(context: vscode.ChatContext): Chat | undefined {
  const answers = context.history.filter((turn) => turn instanceof vscode.ChatResponseTurn);
  for (const answer of answers.reverse()) {
    const { sessionId, root } = (answer.result.metadata ?? {}) as Partial<Chat>;
    if (sessionId && root) return { sessionId, root };
  }
  return undefined;
}

/** What was attached with `#`, as parts of the prompt. */
export function referenceParts(references: readonly vscode.ChatPromptReference[]): InputPart[] {
  return references.flatMap((reference): InputPart[] => {
    const { value } = reference;
    if (value instanceof vscode.Uri) return value.scheme === "file" ? [{ type: "file", uri: value.toString() }] : [];
    if (value instanceof vscode.Location) {
      const { start, end } = value.range;
      const range = {
        start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character },
      };
      return value.uri.scheme === "file" ? [{ type: "file", uri: value.uri.toString(), range }] : [];
    }
    if (typeof value === "string" && value) return [{ type: "text", text: value, plain: true }];
    return [];
  });
}

/** Text in Markdown that stays as it is. VS Code's own way makes every space one that does not break. */
function literal(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]()<>#+\-.!|~$&]/g, "\\$&");
}

/** One answer in the Chat view. */
class Answer {
  private view: ChatView = emptyView("");
  private chat: Chat = { sessionId: "", root: "" };
  private readonly shownTools = new Set<string>();
  /** What was said of each part; it can only be added to. */
  private readonly saidOf = new Map<string, number>();
  private readonly server: Server;
  private readonly chats: Chats;
  private readonly stream: vscode.ChatResponseStream;
  private readonly token: vscode.CancellationToken;

  constructor(server: Server, chats: Chats, stream: vscode.ChatResponseStream, token: vscode.CancellationToken) {
    this.server = server;
    this.chats = chats;
    this.stream = stream;
    this.token = token;
  }

  async give(request: vscode.ChatRequest, context: vscode.ChatContext): Promise<vscode.ChatResult> {
    const known = request.command === "new" ? undefined : sessionOf(context);
    const root = known?.root ?? (await pickRoot());
    if (!root) return { errorDetails: { message: "Choose the folder that the chat is about, and ask again." } };
    if (request.command === "commands") return this.listCommands(root, known);
    if (request.command === "review") return this.review(known);
    if (request.command === "undo") return this.undo(known);
    if (request.command === "new" && !request.prompt.trim()) {
      this.stream.markdown("A new session begins with your next prompt.");
      return {};
    }
    const text: InputPart = { type: "text", text: request.prompt };
    const vendor = request.model.vendor === "nexus" && request.model.id.includes("/") ? request.model.id : null;
    return this.turn({ sessionId: known?.sessionId ?? "", root }, [text, ...referenceParts(request.references)], vendor);
  }

  private async turn(chat: Chat, parts: InputPart[], model: string | null): Promise<vscode.ChatResult> {
    this.chat = chat;
    this.stream.progress("Asking OpenCode…");
    let done: (value: vscode.ChatResult) => void = () => undefined;
    const ended = new Promise<vscode.ChatResult>((resolve) => { done = resolve; });
    // Buttons need the session's name, which the answer of `send` has; what comes before is kept until then.
    let early: ChatProgress[] | undefined = [];
    const hear = (event: ChatProgress): void => {
      fold(this.view, event);
      this.show(event);
      if (event.kind === "end") done(this.result());
    };
    const listening = await this.server.listen((event) => { if (early) early.push(event); else hear(event); });
    const broken = this.server.onState(() => {
      if (this.server.state === "stopped") done({ errorDetails: { message: "The language server has ended. Ask again to go on." } });
    });
    let stopping: vscode.Disposable | undefined;
    try {
      const sent = await this.server.request<SendResult>(method.send, {
        sessionId: chat.sessionId || null, root: chat.root, parts, model, partialResultToken: listening.token,
      });
      if (typeof sent.shown === "string") {
        this.stream.markdown(sent.shown);
        return {};
      }
      this.chat = { sessionId: sent.sessionId, root: chat.root };
      for (const { title, reason } of sent.leftOut ?? []) this.stream.markdown(`*${title} was left out: ${reason}*\n\n`);
      const stop = (): void => void this.chats.cancel(sent.sessionId, sent.turnId).catch((error: unknown) => {
        done({ errorDetails: { message: said(error) } });
      });
      stopping = this.token.onCancellationRequested(stop);
      if (this.token.isCancellationRequested) stop();
      const held = early;
      early = undefined;
      held.forEach(hear);
      return await ended;
    } finally {
      listening.dispose();
      broken.dispose();
      stopping?.dispose();
    }
  }

  private result(): vscode.ChatResult {
    const { end } = this.view;
    const files = changedFiles(this.view);
    if (files.length > 0) {
      this.stream.button({ command: "nexus.review.open", title: `Review ${files.length === 1 ? "1 File" : `${files.length} Files`}`, arguments: [this.chat] });
    }
    const metadata = { ...this.chat };
    const line = endLine(end);
    if (end?.reason === "aborted") {
      this.stream.markdown(`\n\n*${line}*`);
      return { metadata };
    }
    return line ? { metadata, errorDetails: { message: line } } : { metadata };
  }

  /** Says what is new. Only what the agent says: the prompt is shown already. */
  private show(event: ChatProgress): void {
    switch (event.kind) {
      case "delta":
      case "replaced":
        if (!event.child) this.text(event.messageId, event.partId);
        break;
      case "tool":
        if (!event.child) this.tool(event.messageId, event.partId);
        break;
      case "permission":
      case "question": {
        const id = event.kind === "permission" ? event.permissionId : event.questionId;
        const ask = this.view.asks.find((ask) => ask.id === id);
        if (ask) this.ask(ask);
        break;
      }
      case "connection":
      case "status":
        if (this.view.waiting) this.stream.progress(this.view.waiting);
        break;
      default:
    }
  }

  private text(messageId: string, partId: string): void {
    const message = this.view.messages.find((message) => message.id === messageId);
    const part = message?.parts.find((part) => part.id === partId);
    if (message?.role !== "assistant" || part?.kind !== "text") return;
    const before = this.saidOf.get(partId) ?? 0;
    if (before === 0 && this.saidOf.size > 0) this.stream.markdown("\n\n");
    // What was said cannot be taken back here: of a text that was replaced the rest is said. It is right in Nexus' own view.
    if (part.text.length > before) this.stream.markdown(part.text.slice(before));
    this.saidOf.set(partId, Math.max(before, part.text.length));
  }

  private tool(messageId: string, partId: string): void {
    const part = this.view.messages.find((message) => message.id === messageId)?.parts.find((part) => part.id === partId);
    if (part?.kind !== "tool" || part.status === "pending") return;
    const key = `${partId}:${part.status}`;
    if (this.shownTools.has(key)) return;
    this.shownTools.add(key);
    if (part.status === "running") this.stream.progress(toolLine(part));
    else this.toolEnded(part);
  }

  private toolEnded(part: ToolPart): void {
    const file = (part.input as { filePath?: unknown } | null)?.filePath;
    if (typeof file === "string" && file) {
      const uri = file.startsWith("/") ? vscode.Uri.file(file) : vscode.Uri.joinPath(vscode.Uri.parse(this.chat.root), file);
      this.stream.reference(uri);
    }
    const failed = part.status === "error";
    const why = failed && part.error ? `: ${part.error.split("\n")[0] ?? ""}` : "";
    const line = `\n\n${failed ? "$(error)" : "$(check)"} ${literal(toolLine(part) + why)}\n\n`;
    this.stream.markdown(new vscode.MarkdownString(line, true));
  }

  private ask(ask: Ask): void {
    const { sessionId } = this.chat;
    if (ask.kind === "permission") {
      this.stream.markdown(`\n\n**${literal(permissionLine(ask))}**\n\n`);
      if (ask.detail) this.stream.markdown(new vscode.MarkdownString().appendCodeblock(ask.detail, "diff"));
      for (const [title, reply] of REPLIES) {
        if (reply === "always" && ask.always.length === 0) continue;
        this.stream.button({ command: "nexus.permission.reply", title, arguments: [sessionId, ask.id, reply] });
      }
      return;
    }
    const [only] = ask.items;
    for (const item of ask.items) this.stream.markdown(`\n\n${literal(item.question)}\n\n`);
    if (only && ask.items.length === 1 && !only.multiple) {
      for (const option of only.options) {
        this.stream.button({
          command: "nexus.question.reply", title: option.label, tooltip: option.description,
          arguments: [sessionId, ask.id, [[option.label]]],
        });
      }
    }
    if (ask.items.length > 1 || only?.multiple || only?.custom) {
      this.stream.button({ command: "nexus.question.answer", title: "Answer…", arguments: [sessionId, ask] });
    }
    this.stream.button({ command: "nexus.question.reply", title: "Reject", arguments: [sessionId, ask.id, null] });
  }

  private async listCommands(root: string, known: Chat | undefined): Promise<vscode.ChatResult> {
    const { items } = await this.server.request<NamedList>(method.commands, { root }, this.token);
    const lines = items.map(({ name, description }) => `- \`/${name}\`${description ? ` – ${description}` : ""}`);
    this.stream.markdown(lines.length > 0 ? `Begin a prompt with one of these:\n\n${lines.join("\n")}` : "The server has no commands.");
    return { metadata: { ...known } };
  }

  private async review(known: Chat | undefined): Promise<vscode.ChatResult> {
    if (!known) return { errorDetails: { message: "This chat has no session yet." } };
    await vscode.commands.executeCommand("nexus.review.open", known);
    this.stream.markdown("What this session has changed is listed in the view *Review* of Nexus.");
    return { metadata: { ...known } };
  }

  private async undo(known: Chat | undefined): Promise<vscode.ChatResult> {
    if (!known) return { errorDetails: { message: "This chat has no session yet." } };
    const { events } = await this.server.request<{ events: ChatProgress[] }>(method.replay, known, this.token);
    const view = emptyView(known.sessionId);
    events.forEach((event) => fold(view, event));
    const prompt = shownMessages(view).filter((message) => message.role === "user").pop();
    if (!prompt) return { errorDetails: { message: "There is nothing to take back." } };
    await this.server.request(method.sessionRevert, { ...known, messageId: prompt.id }, this.token);
    this.stream.markdown("The last prompt and what it has changed were taken back.");
    return { metadata: { ...known } };
  }
}
