// The view of sessions: for each root the newest first. With one root its name is left out.

import * as vscode from "vscode";

import { method, type Chat, type SearchHit, type SessionInfo } from "./protocol.ts";
import { pickRoot, rootName, rootOfDirectory, rootUris } from "./roots.ts";
import { said, type Server } from "./server.ts";

type Node = { kind: "root"; root: string } | { kind: "session"; root: string; session: SessionInfo };

export class Sessions implements vscode.TreeDataProvider<Node> {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  refresh(): void {
    this.changed.fire();
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === "root") {
      const item = new vscode.TreeItem(rootName(node.root), vscode.TreeItemCollapsibleState.Expanded);
      item.id = node.root;
      item.iconPath = vscode.ThemeIcon.Folder;
      return item;
    }
    const { session, root } = node;
    const item = new vscode.TreeItem(session.title || "Untitled");
    item.id = `${root} ${session.id}`;
    item.contextValue = "session";
    item.description = age(session.updated);
    item.iconPath = new vscode.ThemeIcon("comment");
    item.tooltip = `${session.title}\n${session.directory}\n${new Date(session.updated).toLocaleString()}`;
    item.accessibilityInformation = { label: `${session.title || "Untitled"}, ${age(session.updated)}` };
    item.command = { command: "nexus.sessions.open", title: "Open Session", arguments: [node] };
    return item;
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (this.server.state !== "running") return [];
    const roots = rootUris();
    if (!node && roots.length !== 1) return roots.map((root) => ({ kind: "root", root }));
    const root = node?.root ?? roots[0];
    if (!root || node?.kind === "session") return [];
    try {
      return (await this.list(root)).map((session) => ({ kind: "session", root, session }));
    } catch (error) {
      this.server.output.error(said(error));
      return [];
    }
  }

  /** The sessions of a root without those of sub-agents, the newest first. */
  async list(root: string): Promise<SessionInfo[]> {
    const { sessions } = await this.server.request<{ sessions: SessionInfo[] }>(method.sessionList, { root });
    return sessions.filter((session) => !session.parentId).sort((a, b) => b.updated - a.updated);
  }
}

function age(time: number): string {
  const minutes = Math.max(0, Math.round((Date.now() - time) / 60_000));
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 60 / 24)} d`;
}

/** The view and its commands. `open` shows a session in the chat. */
export function registerSessions(server: Server, open: (chat: Chat) => Promise<void>): { view: Sessions } & vscode.Disposable {
  const view = new Sessions(server);
  const { registerCommand } = vscode.commands;
  const guarded = (what: (node: Node) => Promise<void>) => async (node?: Node): Promise<void> => {
    try {
      const chosen = node ?? (await pickSession(view));
      if (chosen) await what(chosen);
    } catch (error) {
      void vscode.window.showErrorMessage(`Nexus: ${said(error)}`);
    }
  };
  const subscriptions = vscode.Disposable.from(
    vscode.window.registerTreeDataProvider("nexus.sessions", view),
    registerCommand("nexus.sessions.refresh", () => view.refresh()),
    registerCommand("nexus.sessions.open", guarded(async (node) => {
      if (node.kind === "session") await open({ sessionId: node.session.id, root: node.root });
    })),
    registerCommand("nexus.sessions.fork", guarded(async (node) => {
      if (node.kind !== "session") return;
      const made = await server.request<SessionInfo>(method.sessionFork, { sessionId: node.session.id, root: node.root });
      view.refresh();
      await open({ sessionId: made.id, root: node.root });
    })),
    registerCommand("nexus.sessions.rename", guarded(async (node) => {
      if (node.kind !== "session") return;
      const title = await vscode.window.showInputBox({ prompt: "The title of the session", value: node.session.title });
      if (!title) return;
      await server.request(method.sessionRename, { sessionId: node.session.id, root: node.root, title });
      view.refresh();
    })),
    registerCommand("nexus.sessions.delete", guarded(async (node) => {
      if (node.kind !== "session") return;
      const remove = "Delete";
      const line = `Delete “${node.session.title || "Untitled"}”? This cannot be undone.`;
      if ((await vscode.window.showWarningMessage(line, remove, "Keep")) !== remove) return;
      await server.request(method.sessionDelete, { sessionId: node.session.id, root: node.root });
      view.refresh();
    })),
    registerCommand("nexus.sessions.search", () => search(server, view, open)),
    server.onState(() => view.refresh()),
    vscode.workspace.onDidChangeWorkspaceFolders(() => view.refresh()),
  );
  return { view, dispose: () => subscriptions.dispose() };
}

async function pickSession(view: Sessions): Promise<Node | undefined> {
  const root = await pickRoot();
  if (!root) return undefined;
  const items = (await view.list(root)).map((session) => ({ label: session.title, description: age(session.updated), session }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: "Session" });
  return chosen && { kind: "session", root, session: chosen.session };
}

type Hit = vscode.QuickPickItem & { chat: Chat; time: number };

/** Searches titles on the server and the words of the history, while one types. */
async function search(server: Server, view: Sessions, open: (chat: Chat) => Promise<void>): Promise<void> {
  const pick = vscode.window.createQuickPick<Hit>();
  pick.placeholder = "Words of a title, or of anything that was said in a kept conversation";
  pick.matchOnDescription = pick.matchOnDetail = true;
  let latest = 0;
  const look = async (query: string): Promise<void> => {
    const now = ++latest;
    pick.busy = true;
    const found = await hits(server, view, query);
    if (now !== latest) return;
    pick.items = found;
    pick.busy = false;
  };
  pick.onDidChangeValue(look);
  pick.onDidAccept(() => {
    const [hit] = pick.selectedItems;
    pick.hide();
    if (hit) void open(hit.chat).catch((error: unknown) => void vscode.window.showErrorMessage(`Nexus: ${said(error)}`));
  });
  pick.onDidHide(() => pick.dispose());
  pick.show();
  await look("");
}

async function hits(server: Server, view: Sessions, query: string): Promise<Hit[]> {
  const titles = rootUris().map(async (root) => (await view.list(root)).map((session) => ({
    label: session.title || "Untitled", description: rootName(root), detail: age(session.updated), chat: { sessionId: session.id, root },
    time: session.updated,
  })));
  const words = async (): Promise<Hit[]> => {
    if (!query.trim()) return [];
    const found = await server.request<{ hits: SearchHit[] }>(method.sessionSearch, { query });
    return found.hits.map((hit) => ({
      label: hit.title || "Untitled", description: rootName(rootOfDirectory(hit.directory)), detail: hit.snippet, alwaysShow: true,
      chat: { sessionId: hit.sessionId, root: rootOfDirectory(hit.directory) }, time: hit.time,
    }));
  };
  // Without a history there are still titles.
  const settled = await Promise.allSettled([...titles, words()]);
  const all = settled.flatMap((one) => (one.status === "fulfilled" ? one.value : [])).sort((a, b) => b.time - a.time);
  const seen = new Set<string>();
  return all.filter((hit) => {
    const key = `${hit.chat.sessionId} ${hit.detail ?? ""}`;
    return !seen.has(key) && seen.add(key);
  });
}
