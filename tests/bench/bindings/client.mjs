// node client.mjs PACKAGE MODE URL: the same work as tests/bench/peers/js, with our package.
// Modes: stream (every event's type), stream-decoded (every event's payload too), latency, rest, import, leak; with -warm the
// same work was done once before, so that the compiler has seen it.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , folder, asked, url] = process.argv;
const END = "server.instance.disposed";
const SESSION = "ses_200000000000benchsessio";
const isWarm = asked.endsWith("-warm");
const mode = asked.replace("-warm", "");

const load = () => import(pathToFileURL(`${folder}/dist/index.mjs`).href);
const connect = async () => (await load()).Nexus.connect(url);
const peak = () => process.resourceUsage().maxRSS;
const status = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))[1]);

async function measured(work) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const count = await work();
  const used = process.cpuUsage(cpu);
  const wall_s = Number(process.hrtime.bigint() - start) / 1e9;
  return { count, wall_s, cpu_s: (used.user + used.system) / 1e6, peak_kb: peak() };
}

async function stream(nexus, decoded) {
  let count = 0;
  let seen = 0;
  for await (const event of nexus.events()) {
    count++;
    if (decoded && event.data !== undefined) seen++;
    if (event.type === END) break;
  }
  return decoded ? seen : count;
}

async function streamed(decoded) {
  const nexus = await connect();
  if (isWarm) await stream(nexus, decoded);
  const figures = await measured(() => stream(nexus, decoded));
  await nexus.close();
  return figures;
}

const modes = {
  stream: () => streamed(false),
  "stream-decoded": () => streamed(true),
  latency: async () => {
    const nexus = await connect();
    const latencies = [];
    for await (const event of nexus.events()) {
      const received = process.hrtime.bigint();
      if (event.type === END) break;
      if (event.type === "message.part.delta") latencies.push(Number(received - BigInt(event.data.properties.delta)) / 1e3);
    }
    const sorted = latencies.slice(latencies.length / 10).sort((a, b) => a - b);
    const at = (part) => sorted[Math.floor((sorted.length - 1) * part)];
    const used = process.cpuUsage();
    return {
      count: sorted.length, p50_us: at(0.5), p99_us: at(0.99), max_us: at(1),
      cpu_s: (used.user + used.system) / 1e6, peak_kb: peak(),
    };
  },
  rest: async () => {
    const nexus = await connect();
    const call = () => nexus.api.sessionGet({ sessionID: SESSION });
    if ((await call()).id !== SESSION) throw new Error("another session");
    for (let i = 0; i < (isWarm ? 12000 : 50); i++) await call();
    return measured(async () => {
      for (let i = 0; i < 2000; i++) await call();
      return 2000;
    });
  },
  leak: async () => {
    const nexus = await connect();
    // Until the fifth stream the engine may grow to what it needs: it collects old memory when there are some 60 MB of it.
    let count = 0;
    for (let i = 0; i < 5; i++) count += await stream(nexus, true);
    const early = status("VmRSS");
    for (let i = 0; i < 5; i++) count += await stream(nexus, true);
    return { count, rss_early_kb: early, rss_late_kb: status("VmRSS"), peak_kb: peak(), wall_s: 1, cpu_s: process.cpuUsage().user / 1e6 };
  },
  import: async () => {
    await load();
    return { peak_kb: peak() };
  },
};

console.log(JSON.stringify(await modes[mode]()));
process.exit(0);
