import assert from "node:assert/strict";
import { test } from "node:test";

import { findNexus, type Machine } from "../../src/find.ts";

function machine(files: string[], more: Partial<Machine> = {}): Machine {
  return {
    setting: "", extension: "/ext", path: "/usr/bin:/opt/bin", home: "/home/me", windows: false,
    isFile: (path) => files.includes(path), ...more,
  };
}

test("the setting comes before the bundled executable, and that before PATH", () => {
  const files = ["/my/nexus", "/ext/bin/nexus", "/opt/bin/nexus"];
  assert.deepEqual(findNexus(machine(files, { setting: "/my/nexus" })), { path: "/my/nexus", from: "setting" });
  assert.deepEqual(findNexus(machine(files)), { path: "/ext/bin/nexus", from: "bundled" });
  assert.deepEqual(findNexus(machine(["/opt/bin/nexus"])), { path: "/opt/bin/nexus", from: "path" });
});

test("a home in the setting is meant", () => {
  assert.deepEqual(findNexus(machine(["/home/me/nexus"], { setting: "~/nexus" })), { path: "/home/me/nexus", from: "setting" });
});

test("a setting that leads nowhere is said, not passed over", () => {
  assert.ok("missing" in findNexus(machine(["/opt/bin/nexus"], { setting: "/gone/nexus" })));
  assert.ok("missing" in findNexus(machine(["/opt/bin/nexus"], { setting: "nexus" })));
});

test("a relative entry of PATH is a folder of the project, and is not used", () => {
  const found = findNexus(machine(["bin/nexus", "./nexus"], { path: "bin:.:" }));
  assert.ok("missing" in found && found.missing.includes("nexus.path"));
});
