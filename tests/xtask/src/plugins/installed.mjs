// The installed plugins from Node: `node installed.mjs PACKAGE URL`.
import assert from "node:assert";
import { pathToFileURL } from "node:url";

const [, , file, url] = process.argv;
const { Nexus } = await import(pathToFileURL(file).href);

const nexus = await Nexus.connect(url, { plugins: true });
for (const plugin of nexus.plugins()) {
  assert(["idle", "ready"].includes(plugin.state), JSON.stringify(plugin));
  console.log(plugin.id, plugin.version, plugin.state);
}
const chat = await nexus.conversation();
console.log(await chat.prompt("NODE what is in it", { context: ["git-show:HEAD"] }).text());
await nexus.close();
const left = nexus.plugins();
console.log(left.length === 0 ? "none afterwards" : `still there: ${JSON.stringify(left)}`);

const without = await Nexus.connect(url);
console.log(without.plugins().length === 0 ? "none without them" : "uninvited");
await without.close();
