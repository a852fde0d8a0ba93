// Bundles the extension (for Node, beside `vscode`) and the chat's page (for a browser, without any module).
import { build } from "esbuild";
import { rm } from "node:fs/promises";

const common = { bundle: true, minify: true, sourcemap: false, logLevel: "warning", legalComments: "linked" };
await rm("dist", { recursive: true, force: true });
await build({
  ...common, entryPoints: ["src/extension.ts"], outfile: "dist/extension.cjs",
  platform: "node", format: "cjs", target: "node20", external: ["vscode"],
  // Of the two forms of a dependency the one for Node is meant.
  mainFields: ["main", "module"],
});
await build({
  ...common, entryPoints: ["webview/main.ts"], outfile: "dist/chat.js",
  platform: "browser", format: "iife", target: "es2022",
});
await build({ ...common, entryPoints: ["webview/chat.css"], outfile: "dist/chat.css" });
