// Makes `nexus.vsix`, without a network. `NEXUS_BUNDLE=PATH` puts that executable into it, for the platform of this machine.
import { execFileSync } from "node:child_process";
import { chmod, copyFile, mkdir, rm } from "node:fs/promises";
import process from "node:process";

execFileSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) await copyFile(`../../../${name}`, name);
await rm("bin", { recursive: true, force: true });
const options = ["package", "--no-dependencies", "--skip-license", "--out", "nexus.vsix"];
const bundle = process.env.NEXUS_BUNDLE;
if (bundle) {
  await mkdir("bin");
  const name = process.platform === "win32" ? "bin/nexus.exe" : "bin/nexus";
  await copyFile(bundle, name);
  await chmod(name, 0o755);
  options.push("--target", `${process.platform}-${process.arch}`);
}
execFileSync(process.execPath, ["node_modules/@vscode/vsce/vsce", ...options], { stdio: "inherit" });
