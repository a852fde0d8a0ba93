// The language server: found, started, restarted, and told what this editor can do. Everything else asks through `Server`.

import fs from "node:fs";
import os from "node:os";
import process from "node:process";
import * as vscode from "vscode";
import {
  LanguageClient, ResponseError, State, type ClientCapabilities, type StaticFeature,
} from "vscode-languageclient/node";

import { findNexus } from "./find.ts";
import { method, type ChatProgress, type ErrorInfo, type RootStatus, type ShowParams } from "./protocol.ts";
import { diagnostics, selection, symbols } from "./editor.ts";

/** Says in `initialize` that we show chats and answer questions about the editor. */
class NexusCapabilities implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    const nexus = { chat: true, selection: true, diagnostics: true, symbols: true };
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), nexus };
  }
  initialize(): void {}
  getState(): { kind: "static" } {
    return { kind: "static" };
  }
  clear(): void {}
}

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  private tokens = 0;
  private readonly prefix = `vscode-${process.pid}-${Date.now().toString(36)}`;
  private readonly onStartedEmitter = new vscode.EventEmitter<void>();
  private readonly onStatusEmitter = new vscode.EventEmitter<RootStatus>();
  private readonly onShowEmitter = new vscode.EventEmitter<ShowParams>();
  private readonly onStateEmitter = new vscode.EventEmitter<void>();
  /** It runs, for the first time or again: what was subscribed to is to be subscribed to anew. */
  readonly onStarted = this.onStartedEmitter.event;
  readonly onStatus = this.onStatusEmitter.event;
  /** The server has begun a turn that is to be shown. */
  readonly onShow = this.onShowEmitter.event;
  /** `state` or `missing` has changed. */
  readonly onState = this.onStateEmitter.event;
  state: "off" | "starting" | "running" | "stopped" = "off";
  /** Why the executable cannot be started; empty when it can. */
  missing = "";

  private readonly extension: vscode.ExtensionContext;
  readonly output: vscode.LogOutputChannel;

  constructor(extension: vscode.ExtensionContext, output: vscode.LogOutputChannel) {
    this.extension = extension;
    this.output = output;
  }

  /** Starts it, unless it runs. Tells the person what is missing, once for each call. */
  async start(): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    try {
      await this.running();
    } catch (error) {
      this.output.error(String(error));
      if (this.missing) await this.tellMissing();
      else void vscode.window.showErrorMessage(`Nexus: the language server does not start: ${said(error)}`, "Show Output")
        .then((chosen) => { if (chosen) this.output.show(); });
    }
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.starting = undefined;
    if (client) {
      // A server that does not end is ended; its process must not stay.
      await client.dispose(2000).catch((error: unknown) => this.output.warn(String(error)));
    }
    this.setState("off");
  }

  dispose(): void {
    void this.stop();
    for (const emitter of [this.onStartedEmitter, this.onStatusEmitter, this.onShowEmitter, this.onStateEmitter]) {
      emitter.dispose();
    }
  }

  /** A request. Fails with an `Error` whose message a person can read. */
  async request<R>(name: string, params: unknown, token?: vscode.CancellationToken): Promise<R> {
    const client = await this.running();
    try {
      // A token that is not there would be taken for a second parameter.
      return await (token ? client.sendRequest<R>(name, params, token) : client.sendRequest<R>(name, params));
    } catch (error) {
      throw new Error(said(error), { cause: error });
    }
  }

  /** A new token, and everything that comes on it until `dispose`. */
  async listen(on: (event: ChatProgress) => void): Promise<{ token: string } & vscode.Disposable> {
    const client = await this.running();
    const token = `${this.prefix}-${++this.tokens}`;
    // The value is ours; the type only names the parameter.
    const listening = client.onProgress({ _: undefined, __: undefined, _pr: undefined } as never, token, on as never);
    return { token, dispose: () => listening.dispose() };
  }

  private running(): Promise<LanguageClient> {
    this.starting ??= this.launch().catch((error: unknown) => {
      this.starting = undefined;
      this.setState("stopped");
      throw error;
    });
    return this.starting;
  }

  private async launch(): Promise<LanguageClient> {
    if (!vscode.workspace.isTrusted) throw new Error("Nexus starts when you trust this workspace.");
    const settings = vscode.workspace.getConfiguration("nexus");
    const found = findNexus({
      setting: settings.get("path", ""), extension: this.extension.extensionPath, path: process.env.PATH ?? "",
      home: os.homedir(), windows: process.platform === "win32",
      isFile: (path) => fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
    });
    this.missing = "missing" in found ? found.missing : "";
    await vscode.commands.executeCommand("setContext", "nexus.missing", this.missing !== "");
    if ("missing" in found) throw new Error(found.missing);
    this.setState("starting");
    this.output.info(`${found.path} lsp (${found.from})`);
    const client = new LanguageClient(
      "nexus", "Nexus",
      { command: found.path, args: ["lsp", ...settings.get<string[]>("arguments", [])] },
      {
        documentSelector: [{ scheme: "file" }, { scheme: "untitled", language: "markdown" }],
        synchronize: { configurationSection: "nexus" },
        outputChannel: this.output,
      },
    );
    client.registerFeature(new NexusCapabilities());
    client.onNotification(method.status, (status: RootStatus) => this.onStatusEmitter.fire(status));
    client.onNotification(method.show, (params: ShowParams) => this.onShowEmitter.fire(params));
    client.onRequest(method.editorSelection, () => selection(client));
    client.onRequest(method.editorDiagnostics, (params: { uri?: string | null; root: string }) => diagnostics(client, params));
    client.onRequest(method.editorSymbols, (params: { query: string; root: string }) => symbols(client, params));
    client.onDidChangeState(({ newState }) => {
      if (this.client !== client) return;
      if (newState === State.Running) {
        this.setState("running");
        this.onStartedEmitter.fire();
      } else this.setState(newState === State.Starting ? "starting" : "stopped");
    });
    this.client = client;
    await client.start();
    return client;
  }

  private setState(state: Server["state"]): void {
    this.state = state;
    this.onStateEmitter.fire();
  }

  private async tellMissing(): Promise<void> {
    const choose = "Choose the Executable…";
    const again = "Try Again";
    const chosen = await vscode.window.showErrorMessage(`Nexus: ${this.missing}`, choose, again);
    if (chosen === choose) await vscode.commands.executeCommand("nexus.choosePath");
    if (chosen === again) await this.restart();
  }
}

/** What a person reads of an error: its message, and what to do. */
export function said(error: unknown): string {
  if (error instanceof ResponseError) {
    const data = error.data as Partial<ErrorInfo> | undefined;
    if (data?.message) return data.hint ? `${data.message} (${data.hint})` : data.message;
  }
  return error instanceof Error ? error.message : String(error);
}
