// The extension: puts the pieces together, and the commands that belong to none of them.

import * as vscode from "vscode";

import { chooseAgent, chooseModel } from "./choose.ts";
import { Chats } from "./chats.ts";
import { followEditors } from "./editor.ts";
import { registerModels } from "./models.ts";
import { ChatPanel } from "./panel.ts";
import { registerParticipant } from "./participant.ts";
import type { Chat } from "./protocol.ts";
import { Review } from "./review/view.ts";
import { said, Server } from "./server.ts";
import { registerSessions } from "./sessions.ts";
import { showMenu, StatusBar } from "./status.ts";

let server: Server | undefined;

export function activate(extension: vscode.ExtensionContext): void {
  const output = vscode.window.createOutputChannel("Nexus", { log: true });
  const nexus = new Server(extension, output);
  server = nexus;
  const chats = new Chats(nexus);
  const panel = new ChatPanel(extension, nexus, chats);
  const sessions = registerSessions(nexus, (chat) => panel.show(chat));
  const review = new Review(nexus, async () => panel.open);
  extension.subscriptions.push(
    output, nexus, chats, panel, sessions, review, followEditors(), new StatusBar(nexus),
    registerParticipant(nexus, chats), registerModels(nexus),
    chats.onEvent(({ chat, event }) => {
      if (event.kind === "end" || event.kind === "diff") review.touched(chat.sessionId);
      if (event.kind === "end" || event.kind === "session") sessions.view.refresh();
    }),
    nexus.onShow(({ sessionId, root }) => void panel.show({ sessionId, root }, false).catch((error: unknown) => {
      void vscode.window.showErrorMessage(`Nexus: ${said(error)}`);
    })),
    ...commands(nexus, panel),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void nexus.start()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("nexus.path") || change.affectsConfiguration("nexus.arguments")) void nexus.restart();
    }),
  );
  void nexus.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

function commands(nexus: Server, panel: ChatPanel): vscode.Disposable[] {
  const command = (name: string, run: (...given: never[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(name, async (...given: never[]) => {
      try {
        await run(...given);
      } catch (error) {
        void vscode.window.showErrorMessage(`Nexus: ${said(error)}`);
      }
    });
  return [
    command("nexus.chat.open", () => panel.reveal(true)),
    command("nexus.chat.new", () => panel.begin()),
    command("nexus.chat.stop", () => panel.stop()),
    command("nexus.chat.undo", () => panel.undo(false)),
    command("nexus.chat.redo", () => panel.undo(true)),
    command("nexus.chat.addSelection", () => panel.mention("@selection ")),
    command("nexus.chooseModel", () => chooseModel(nexus)),
    command("nexus.chooseAgent", () => chooseAgent(nexus)),
    command("nexus.chat.transcript", () => openTranscript(panel.open)),
    command("nexus.restart", () => nexus.restart()),
    command("nexus.output", () => nexus.output.show()),
    command("nexus.menu", () => showMenu()),
    command("nexus.settings", () => vscode.commands.executeCommand("workbench.action.openSettings", "nexus.")),
    command("nexus.choosePath", () => choosePath()),
  ];
}

/** The conversation as a document, which the language server writes. */
async function openTranscript(chat: Chat | undefined): Promise<void> {
  if (!chat) throw new Error("Open a session first.");
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(`nexus://session/${chat.sessionId}.md`));
  await vscode.window.showTextDocument(document, { preview: true });
}

async function choosePath(): Promise<void> {
  const chosen = await vscode.window.showOpenDialog({ canSelectMany: false, title: "The executable nexus", openLabel: "Use" });
  const path = chosen?.[0]?.fsPath;
  if (path) await vscode.workspace.getConfiguration("nexus").update("path", path, vscode.ConfigurationTarget.Global);
}
