// The item in the status bar: what the language server and the OpenCode of each root do.

import * as vscode from "vscode";

import { method, type RootStatus } from "./protocol.ts";
import { rootName } from "./roots.ts";
import { said, type Server } from "./server.ts";

const WORDS: Record<RootStatus["state"], string> = {
  idle: "not needed yet", starting: "starting", ready: "ready", reconnecting: "reconnecting", failed: "failed",
};

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("nexus.status", vscode.StatusBarAlignment.Right, 90);
  private readonly roots = new Map<string, RootStatus>();
  private readonly subscriptions: vscode.Disposable;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
    this.item.name = "Nexus";
    this.item.command = "nexus.menu";
    this.subscriptions = vscode.Disposable.from(
      server.onState(() => this.draw()),
      server.onStarted(() => void this.ask()),
      server.onStatus((status) => {
        this.roots.set(status.root, status);
        this.draw();
      }),
    );
    this.draw();
    this.item.show();
  }

  dispose(): void {
    this.subscriptions.dispose();
    this.item.dispose();
  }

  private async ask(): Promise<void> {
    this.roots.clear();
    try {
      const { roots } = await this.server.request<{ roots: RootStatus[] }>(method.status, {});
      for (const status of roots) this.roots.set(status.root, status);
    } catch (error) {
      this.server.output.warn(said(error));
    }
    this.draw();
  }

  private draw(): void {
    const all = [...this.roots.values()];
    const failed = all.find((root) => root.state === "failed");
    const turns = all.reduce((sum, root) => sum + root.turns, 0);
    const icon = this.server.missing || failed || this.server.state === "stopped" ? "$(error)"
      : turns > 0 || this.server.state === "starting" || all.some((root) => ["starting", "reconnecting"].includes(root.state))
        ? "$(loading~spin)" : "$(sparkle)";
    this.item.text = turns > 0 ? `${icon} Nexus (${turns})` : `${icon} Nexus`;
    const severe = icon === "$(error)";
    this.item.backgroundColor = severe ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    const lines = this.server.missing ? [this.server.missing]
      : this.server.state !== "running" ? [`The language server is ${this.server.state}.`] : all.map(line);
    this.item.tooltip = ["Nexus", ...lines].join("\n");
    this.item.accessibilityInformation = { label: ["Nexus", ...lines].join(", "), role: "button" };
  }
}

function line(status: RootStatus): string {
  const server = status.server ? `OpenCode ${status.server.version} at ${status.server.address}` : "OpenCode";
  const turns = status.turns > 0 ? `, ${status.turns} running` : "";
  const kept = status.history === "on" ? ", conversations are kept" : status.history === "locked" ? ", history locked" : "";
  const why = status.error ? `: ${status.error.message}${status.error.hint ? ` (${status.error.hint})` : ""}` : "";
  return `${rootName(status.root)}: ${server} ${WORDS[status.state] ?? status.state}${turns}${kept}${why}`;
}

/** What a click on the item offers. */
export async function showMenu(): Promise<void> {
  const entries: [string, string][] = [
    ["$(comment-discussion) Open Chat", "nexus.chat.open"], ["$(add) New Chat", "nexus.chat.new"],
    ["$(search) Search Sessions…", "nexus.sessions.search"], ["$(diff) Review Changes", "nexus.review.open"],
    ["$(chip) Choose Model…", "nexus.chooseModel"], ["$(hubot) Choose Agent…", "nexus.chooseAgent"],
    ["$(refresh) Restart Language Server", "nexus.restart"], ["$(output) Show Output", "nexus.output"],
    ["$(gear) Settings", "nexus.settings"],
  ];
  const items = entries.map(([label, command]) => ({ label, command }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: "Nexus" });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}
