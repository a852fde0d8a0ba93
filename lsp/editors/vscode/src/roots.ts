// The roots: the folders of the workspace. Where it is not clear which one is meant, the person is asked, never the first
// one taken.

import * as vscode from "vscode";

import { meantEditor } from "./editor.ts";

export function rootUris(): string[] {
  return (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === "file")
    .map((folder) => folder.uri.toString());
}

/** The name of a root for people: that of its folder. */
export function rootName(root: string): string {
  const uri = vscode.Uri.parse(root);
  return vscode.workspace.getWorkspaceFolder(uri)?.name ?? uri.path.split("/").filter(Boolean).pop() ?? root;
}

/** The root that holds a directory, or the directory itself. */
export function rootOfDirectory(directory: string): string {
  const uri = vscode.Uri.file(directory);
  return vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() ?? uri.toString();
}

/** The only root, else the one that the person chooses; undefined when they do not. */
export async function pickRoot(): Promise<string | undefined> {
  const roots = rootUris();
  if (roots.length === 0) {
    const open = "Open Folder";
    void vscode.window.showInformationMessage("Nexus works on a folder. Open one first.", open).then((chosen) => {
      if (chosen === open) void vscode.commands.executeCommand("vscode.openFolder");
    });
    return undefined;
  }
  if (roots.length === 1) return roots[0];
  const editor = meantEditor();
  const near = editor && vscode.workspace.getWorkspaceFolder(editor.document.uri)?.uri.toString();
  // The folder of the open file stands first.
  const sorted = [...roots].sort((a, b) => Number(b === near) - Number(a === near));
  const items = sorted.map((root) => ({
    label: rootName(root), description: vscode.Uri.parse(root).fsPath, detail: root === near ? "the open file is here" : undefined, root,
  }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: "Which folder is the chat about?" });
  return chosen?.root;
}
