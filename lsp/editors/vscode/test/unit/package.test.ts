import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { method } from "../../src/protocol.ts";

interface Manifest {
  contributes: {
    commands: { command: string }[];
    menus: Record<string, { command: string }[]>;
    configuration: { properties: Record<string, { description?: string; markdownDescription?: string; scope?: string }> };
  };
}
const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const manifest = JSON.parse(read("package.json")) as Manifest;
const sources = globSync("src/**/*.ts", { cwd: new URL("../..", import.meta.url) }).map((path) => read(path)).join("\n");

test("every command of the manifest is there, and every entry of a menu is a command", () => {
  const names = manifest.contributes.commands.map(({ command }) => command);
  for (const name of names) {
    const last = name.replace("nexus.review.", "");
    assert.ok(sources.includes(`"${name}"`) || sources.includes(`command("${last}"`), name);
  }
  for (const entry of Object.values(manifest.contributes.menus).flat()) assert.ok(names.includes(entry.command), entry.command);
});

test("every setting says what it means and where it may be set", () => {
  for (const [name, setting] of Object.entries(manifest.contributes.configuration.properties)) {
    assert.ok(setting.description ?? setting.markdownDescription, name);
    assert.ok(setting.scope, name);
  }
});

test("what a setting could run or allow is not the project's to set", () => {
  for (const name of ["path", "arguments", "server.binary", "permission.default", "context.hosts"]) {
    assert.equal(manifest.contributes.configuration.properties[`nexus.${name}`]?.scope, "machine", name);
  }
});

test("every method is one of the language server's", () => {
  const server = readFileSync(new URL("../../../../src/language_server/ext.rs", import.meta.url), "utf8");
  for (const name of Object.values(method)) assert.ok(server.includes(`"${name}"`), name);
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(read("package-lock.json"), /"resolved"/);
});
