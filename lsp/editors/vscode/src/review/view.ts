// The review: what a session has changed, file by file and hunk by hunk, with VS Code's own difference editor. The server
// decides what a hunk is and makes the edits, so that undo takes a decision back.

import * as vscode from "vscode";

import { method, type Chat, type ReviewDecision, type ReviewFile, type ReviewHunk } from "../protocol.ts";
import { said, type Server } from "../server.ts";
import { before, hunkAt, hunkLine, openHunks } from "./hunks.ts";

/** The scheme of texts as they were. */
const BEFORE = "nexus-before";

type Node = { kind: "file"; file: ReviewFile } | { kind: "hunk"; file: ReviewFile; hunk: ReviewHunk };

export class Review implements vscode.TreeDataProvider<Node>, vscode.TextDocumentContentProvider, vscode.CodeLensProvider, vscode.Disposable {
  private readonly treeChanged = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.treeChanged.event;
  private readonly textChanged = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.textChanged.event;
  private readonly lensesChanged = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.lensesChanged.event;
  private chat: Chat | undefined;
  private files: ReviewFile[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly tree: vscode.TreeView<Node>;
  private readonly subscriptions: vscode.Disposable;
  private readonly server: Server;
  private readonly meant: () => Promise<Chat | undefined>;

  /** `meant` is the session whose changes are meant when none is named. */
  constructor(server: Server, meant: () => Promise<Chat | undefined>) {
    this.server = server;
    this.meant = meant;
    this.tree = vscode.window.createTreeView("nexus.review", { treeDataProvider: this, showCollapseAll: true });
    const command = (name: string, run: (...given: never[]) => Promise<void>): vscode.Disposable =>
      vscode.commands.registerCommand(`nexus.review.${name}`, (...given: never[]) => run(...given).catch((error: unknown) => {
        void vscode.window.showErrorMessage(`Nexus: ${said(error)}`);
      }));
    this.subscriptions = vscode.Disposable.from(
      this.tree,
      vscode.workspace.registerTextDocumentContentProvider(BEFORE, this),
      vscode.languages.registerCodeLensProvider({ scheme: "file" }, this),
      command("open", (given?: Chat | { session: { id: string }; root: string }) => this.open(given)),
      command("refresh", () => this.refresh()),
      command("diff", (node: Node) => this.showDiff(node)),
      command("accept", (node: Node) => this.decide(decisions(node, true))),
      command("reject", (node: Node) => this.decide(decisions(node, false))),
      command("acceptHere", () => this.decideHere(true)),
      command("rejectHere", () => this.decideHere(false)),
      command("acceptAll", () => this.decide(this.files.flatMap((file) => decisions({ kind: "file", file }, true)))),
      vscode.window.onDidChangeActiveTextEditor(() => this.setContext()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (this.fileOf(document.uri)) this.refreshSoon();
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }

  /** Something has changed in the files of a session: if it is the one that is shown, it is read again. */
  touched(sessionId: string): void {
    if (this.chat?.sessionId === sessionId) this.refreshSoon();
  }

  private async open(given?: Chat | { session: { id: string }; root: string }): Promise<void> {
    const named = given && "session" in given ? { sessionId: given.session.id, root: given.root } : given;
    const chat = named ?? (await this.meant());
    if (!chat) {
      void vscode.window.showInformationMessage("Nexus: open a session first; its changes can then be reviewed.");
      return;
    }
    this.chat = chat;
    await this.refresh();
    if (this.files.length === 0) {
      void vscode.window.showInformationMessage("Nexus: this session has changed nothing.");
      return;
    }
    await vscode.commands.executeCommand("nexus.review.focus");
    const [file] = this.files;
    if (file) await this.showDiff({ kind: "file", file });
  }

  /** Typing in a file moves hunks; a moment later is soon enough. */
  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh().catch((error: unknown) => this.server.output.warn(said(error))), 300);
  }

  private async refresh(): Promise<void> {
    const { chat } = this;
    if (!chat) return;
    const { files } = await this.server.request<{ files: ReviewFile[] }>(method.reviewList, chat);
    if (chat === this.chat) this.take(files);
  }

  private take(files: ReviewFile[]): void {
    this.files = files;
    const open = openHunks(files);
    this.tree.badge = open > 0 ? { value: open, tooltip: `${open} changes to review` } : undefined;
    this.tree.message = open === 0 && files.length > 0 ? "Everything is decided." : undefined;
    void vscode.commands.executeCommand("setContext", "nexus.hasChanges", files.length > 0);
    this.setContext();
    this.treeChanged.fire();
    this.lensesChanged.fire();
    for (const file of files) this.textChanged.fire(beforeUri(file));
  }

  private setContext(): void {
    const uri = vscode.window.activeTextEditor?.document.uri;
    const file = uri && this.fileOf(uri);
    void vscode.commands.executeCommand("setContext", "nexus.reviewing", file !== undefined && openHunks([file]) > 0);
  }

  private fileOf(uri: vscode.Uri): ReviewFile | undefined {
    const wanted = uri.scheme === BEFORE ? uri.with({ scheme: "file", query: "" }) : uri;
    return this.files.find((file) => vscode.Uri.parse(file.uri).toString() === wanted.toString());
  }

  private async decide(list: ReviewDecision[]): Promise<void> {
    const { chat } = this;
    if (!chat || list.length === 0) return;
    const { files } = await this.server.request<{ files: ReviewFile[] }>(method.reviewDecide, { ...chat, decisions: list });
    this.take(files);
  }

  private async decideHere(accept: boolean): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const file = editor && this.fileOf(editor.document.uri);
    const hunk = file && hunkAt(file.hunks, editor.selection.active.line);
    if (file && hunk) await this.decide([{ uri: file.uri, hunkId: hunk.id, accept }]);
  }

  private async showDiff(node: Node): Promise<void> {
    const { file } = node;
    const uri = vscode.Uri.parse(file.uri);
    const title = `${file.path} (what was changed)`;
    const hunk = node.kind === "hunk" ? node.hunk : file.hunks.find((hunk) => hunk.state === "pending");
    const selection = hunk && new vscode.Range(hunk.range.start.line, 0, hunk.range.start.line, 0);
    if (file.status === "deleted") await vscode.commands.executeCommand("vscode.open", beforeUri(file));
    else await vscode.commands.executeCommand("vscode.diff", beforeUri(file), uri, title, { selection, preview: true });
  }

  // The tree.

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === "file") {
      const { file } = node;
      const item = new vscode.TreeItem(vscode.Uri.parse(file.uri), vscode.TreeItemCollapsibleState.Expanded);
      const open = openHunks([file]);
      item.id = file.uri;
      item.label = file.path;
      item.description = `${file.status}, ${open} of ${file.hunks.length} open`;
      item.contextValue = open > 0 ? "file-pending" : "file";
      item.command = { command: "nexus.review.diff", title: "Show Difference", arguments: [node] };
      return item;
    }
    const { file, hunk } = node;
    const item = new vscode.TreeItem(hunkLine(hunk));
    item.id = `${file.uri} ${hunk.id}`;
    item.contextValue = `hunk-${hunk.state}`;
    const icons = { pending: "circle-outline", accepted: "check", rejected: "discard", changed: "edit" };
    item.iconPath = new vscode.ThemeIcon(icons[hunk.state] ?? "question");
    item.description = hunk.state === "pending" ? "" : hunk.state;
    item.tooltip = new vscode.MarkdownString().appendCodeblock(hunk.lines.join("\n"), "diff");
    item.accessibilityInformation = { label: `Change at line ${hunkLine(hunk)}, ${hunk.state}` };
    item.command = { command: "nexus.review.diff", title: "Show Difference", arguments: [node] };
    return item;
  }

  getChildren(node?: Node): Node[] {
    if (!node) return this.files.map((file) => ({ kind: "file", file }));
    if (node.kind === "hunk") return [];
    return node.file.hunks.map((hunk) => ({ kind: "hunk", file: node.file, hunk }));
  }

  getParent(node: Node): Node | undefined {
    return node.kind === "hunk" ? { kind: "file", file: node.file } : undefined;
  }

  // Texts as they were.

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const file = this.fileOf(uri);
    if (!file) return "";
    if (file.status === "deleted") return before("", file.hunks);
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(file.uri));
    return before(document.getText(), file.hunks);
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const file = this.fileOf(document.uri);
    return (file?.hunks ?? []).filter((hunk) => hunk.state === "pending").flatMap((hunk) => {
      const range = new vscode.Range(hunk.range.start.line, 0, hunk.range.start.line, 0);
      const node = { kind: "hunk", file, hunk };
      return [
        new vscode.CodeLens(range, { command: "nexus.review.accept", title: "Accept", arguments: [node] }),
        new vscode.CodeLens(range, { command: "nexus.review.reject", title: "Reject", arguments: [node] }),
      ];
    });
  }
}

function beforeUri(file: ReviewFile): vscode.Uri {
  return vscode.Uri.parse(file.uri).with({ scheme: BEFORE });
}

function decisions(node: Node, accept: boolean): ReviewDecision[] {
  const hunks = node.kind === "hunk" ? [node.hunk] : node.file.hunks;
  return hunks.filter((hunk) => hunk.state === "pending").map((hunk) => ({ uri: node.file.uri, hunkId: hunk.id, accept }));
}
