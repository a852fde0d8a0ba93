// A window of VS Code: code-server in Chromium, with the extension as it is packaged, worked with keys and the mouse.

import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import process from "node:process";
import { chromium as browsers, type BrowserContext, type Frame, type Locator, type Page } from "playwright-core";

import { chromium, codeServer, desk, until, vsix } from "./desk.ts";

/** No part of the window needs longer, on a loaded machine either. */
const BOUND = 30_000;

const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "workbench.enableExperiments": false,
  "workbench.colorTheme": "Default Dark Modern",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "git.openRepositoryInParentFolders": "never",
  "editor.accessibilitySupport": "off",
  "window.confirmBeforeClose": "never",
};

export class Window {
  private readonly server: ChildProcess;
  private readonly context: BrowserContext;
  readonly page: Page;
  private shots = 0;

  private constructor(server: ChildProcess, context: BrowserContext, page: Page) {
    this.server = server;
    this.context = context;
    this.page = page;
  }

  static async open(): Promise<Window> {
    const base = path.join(desk.home, "code");
    mkdirSync(path.join(base, "user/User"), { recursive: true });
    writeFileSync(path.join(base, "user/User/settings.json"), JSON.stringify(SETTINGS));
    // Extensions get the environment of a login shell, whose PATH is the system's, as on a person's machine.
    writeFileSync(path.join(desk.home, ".profile"), 'PATH="$HOME/bin:$PATH"\n');
    const workspace = path.join(desk.home, "desk.code-workspace");
    writeFileSync(workspace, JSON.stringify({ folders: desk.roots.map((folder) => ({ path: folder })) }));
    const folders = ["--user-data-dir", path.join(base, "user"), "--extensions-dir", path.join(base, "extensions")];
    const log = openSync(path.join(desk.shots, "code-server.log"), "w");
    await finished(spawn(process.execPath, [codeServer, ...folders, "--install-extension", vsix, "--force"], { stdio: ["ignore", log, log] }));
    const port = await freePort();
    const server = spawn(process.execPath, [
      codeServer, "--bind-addr", `127.0.0.1:${port}`, "--auth", "none", "--disable-telemetry", "--disable-update-check",
      "--disable-workspace-trust", "--disable-getting-started-override", ...folders,
    ], { stdio: ["ignore", log, log] });
    const address = `http://127.0.0.1:${port}`;
    await until("code-server", async () => (await fetch(`${address}/healthz`)).ok, BOUND);
    const context = await browsers.launchPersistentContext(path.join(desk.home, "chromium"), {
      executablePath: chromium, headless: true, viewport: { width: 1280, height: 800 },
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
      ],
    });
    context.setDefaultTimeout(BOUND);
    // Nothing of the window may come from elsewhere.
    await context.route((url) => url.hostname !== "127.0.0.1" && !url.hostname.endsWith("localhost") && url.protocol.startsWith("http"), (route) => route.abort());
    const page = context.pages()[0] ?? (await context.newPage());
    const window = new Window(server, context, page);
    await page.goto(`${address}/?workspace=${encodeURIComponent(workspace)}`);
    await window.ready();
    return window;
  }

  /** The window is there, and so is the extension. */
  async ready(): Promise<void> {
    await this.page.locator(".statusbar-item", { hasText: "Nexus" }).first().waitFor();
  }

  async close(): Promise<void> {
    await this.context.close().catch(() => undefined);
    this.server.kill();
  }

  /** Loads the window again, as after a restart of the editor. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  async shot(name: string): Promise<void> {
    this.shots += 1;
    const file = `${String(this.shots).padStart(2, "0")}-${name.replace(/[^a-z0-9]+/gi, "-")}.png`;
    await this.page.screenshot({ path: path.join(desk.shots, file) });
  }

  /** A command by its title. */
  async run(title: string): Promise<void> {
    await this.palette(`>${title}`, title);
  }

  /** A file by its name. */
  async openFile(name: string): Promise<void> {
    await this.palette(name, name);
    await this.page.locator(".tab.active", { hasText: name.split("/").pop() }).first().waitFor();
  }

  private async palette(typed: string, label: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input.input").first();
    await until(`the command palette for ${label}`, async () => {
      if (!(await input.isVisible())) await this.page.keyboard.press("F1");
      await input.waitFor({ state: "visible", timeout: 3000 });
      await input.fill(typed, { timeout: 3000 });
      const row = this.page.locator(".quick-input-list .monaco-list-row").first();
      try {
        await row.filter({ hasText: label }).waitFor({ timeout: 5000 });
      } catch (error) {
        // What it has found once it does not look for again until it is opened anew.
        await this.page.keyboard.press("Escape");
        throw error;
      }
      return true;
    }, BOUND);
    await this.page.keyboard.press("Enter");
  }

  /** Chooses in a quick pick that is open. */
  async pick(label: string): Promise<void> {
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().click();
  }

  /** A button of a notification. */
  notification(text: string): Locator {
    return this.page.locator(".notification-list-item", { hasText: text });
  }

  /** The page of the extension's own chat. */
  async chat(): Promise<Frame> {
    return until("the chat's page", async () => {
      for (const frame of this.page.frames()) {
        if (await frame.locator("#composer").isVisible().catch(() => false)) return frame;
      }
      return false;
    }, BOUND);
  }

  /** A new chat in the extension's own view, about a root. */
  async newChat(root: string): Promise<Frame> {
    await this.run("Nexus: New Chat");
    await this.pick(path.basename(root));
    const chat = await this.chat();
    await chat.locator(".welcome").waitFor();
    return chat;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function finished(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`the extension was not installed (${code})`))));
  });
}
