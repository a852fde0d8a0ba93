// Finding the executable `nexus`: the setting, the one that comes with the extension, `PATH`. Pure but for `isFile`.

import path from "node:path";

export interface Machine {
  /** The setting `nexus.path`. */
  setting: string;
  /** The folder of the extension. */
  extension: string;
  /** The variable `PATH`. */
  path: string;
  home: string;
  windows: boolean;
  isFile(path: string): boolean;
}

export type Found = { path: string; from: "setting" | "bundled" | "path" } | { missing: string };

export function findNexus(machine: Machine): Found {
  const name = machine.windows ? "nexus.exe" : "nexus";
  const setting = machine.setting.trim();
  if (setting) {
    const at = setting.startsWith("~/") ? path.join(machine.home, setting.slice(2)) : setting;
    if (!path.isAbsolute(at)) return { missing: `The setting nexus.path is no absolute path: ${setting}` };
    if (machine.isFile(at)) return { path: at, from: "setting" };
    return { missing: `The setting nexus.path names a file that is not there: ${setting}` };
  }
  const bundled = path.join(machine.extension, "bin", name);
  if (machine.isFile(bundled)) return { path: bundled, from: "bundled" };
  // A relative entry would mean a folder of whoever wrote the project.
  const folders = machine.path.split(machine.windows ? ";" : ":").filter((folder) => path.isAbsolute(folder));
  const found = folders.map((folder) => path.join(folder, name)).find((file) => machine.isFile(file));
  if (found) return { path: found, from: "path" };
  return { missing: "The executable nexus is not on PATH. Install OpenCode Nexus, or set nexus.path." };
}
