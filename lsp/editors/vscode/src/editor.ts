// What the server asks the editor for, to put it into a prompt: the selection, diagnostics, symbols.

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

const SEVERITIES = ["error", "warning", "information", "hint"] as const;
/** More would not fit into a prompt. */
const MOST = 500;

/** The last editor with a file in it: a question is typed elsewhere, and the selection is still meant. */
let last: vscode.TextEditor | undefined;

export function followEditors(): vscode.Disposable {
  const take = (editor: vscode.TextEditor | undefined): void => {
    if (editor && ["file", "untitled"].includes(editor.document.uri.scheme)) last = editor;
  };
  take(vscode.window.activeTextEditor);
  return vscode.window.onDidChangeActiveTextEditor(take);
}

/** The editor that a person means, if it is still there. */
export function meantEditor(): vscode.TextEditor | undefined {
  const visible = vscode.window.visibleTextEditors;
  return visible.find((editor) => editor.document === last?.document) ?? vscode.window.activeTextEditor;
}

export function selection(client: LanguageClient): object | null {
  const editor = meantEditor();
  if (!editor || editor.selection.isEmpty) return null;
  return {
    uri: client.code2ProtocolConverter.asUri(editor.document.uri),
    range: client.code2ProtocolConverter.asRange(editor.selection),
    text: editor.document.getText(editor.selection),
  };
}

function isBelow(root: vscode.Uri, uri: vscode.Uri): boolean {
  const folder = root.path.endsWith("/") ? root.path : `${root.path}/`;
  return uri.scheme === root.scheme && (uri.path === root.path || uri.path.startsWith(folder));
}

export function diagnostics(client: LanguageClient, params: { uri?: string | null; root: string }): object[] {
  const root = vscode.Uri.parse(params.root);
  const uri = params.uri ? vscode.Uri.parse(params.uri) : undefined;
  const all: [vscode.Uri, readonly vscode.Diagnostic[]][] = uri
    ? [[uri, vscode.languages.getDiagnostics(uri)]]
    : vscode.languages.getDiagnostics().filter(([file]) => isBelow(root, file));
  const told = all.flatMap(([file, list]) => list.map((diagnostic) => ({
    uri: client.code2ProtocolConverter.asUri(file),
    range: client.code2ProtocolConverter.asRange(diagnostic.range),
    severity: SEVERITIES[diagnostic.severity] ?? "information",
    message: diagnostic.message,
    source: diagnostic.source ?? null,
    code: codeOf(diagnostic),
  })));
  return told.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)).slice(0, MOST);
}

function codeOf(diagnostic: vscode.Diagnostic): string | null {
  const { code } = diagnostic;
  if (code === undefined) return null;
  return String(typeof code === "object" ? code.value : code);
}

export async function symbols(client: LanguageClient, params: { query: string; root: string }): Promise<object[]> {
  const root = vscode.Uri.parse(params.root);
  const found = await vscode.commands.executeCommand<vscode.SymbolInformation[] | undefined>(
    "vscode.executeWorkspaceSymbolProvider", params.query,
  );
  return (found ?? []).filter((symbol) => isBelow(root, symbol.location.uri)).slice(0, MOST).map((symbol) => ({
    name: symbol.name,
    kind: (vscode.SymbolKind[symbol.kind] ?? "variable").toLowerCase(),
    container: symbol.containerName || null,
    uri: client.code2ProtocolConverter.asUri(symbol.location.uri),
    range: client.code2ProtocolConverter.asRange(symbol.location.range),
  }));
}
