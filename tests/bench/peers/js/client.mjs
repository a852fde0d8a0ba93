// node client.mjs MODE URL: what a JavaScript program uses today. The SDK is installed by `cargo xtask bench`.
// Modes: sdk-stream, sdk-stream-warm (the stream was read once before), fetch-stream, sdk-latency, sdk-rest, sdk-rest-warm,
// fetch-rest, import, empty.
const [, , mode, url] = process.argv;
const END = "server.instance.disposed";
const SESSION = "ses_200000000000benchsessio";

const client = async () => (await import("@opencode-ai/sdk")).createOpencodeClient({ baseUrl: url });
const peak = () => process.resourceUsage().maxRSS;

async function measured(count, work) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const done = await work();
  const used = process.cpuUsage(cpu);
  const wall_s = Number(process.hrtime.bigint() - start) / 1e9;
  return { count: count ?? done, wall_s, cpu_s: (used.user + used.system) / 1e6, peak_kb: peak() };
}

async function* sdkEvents(opencode) {
  const { stream } = await opencode.event.subscribe();
  for await (const event of stream) {
    yield event;
    if (event.type === END) return;
  }
}

async function* fetchEvents() {
  const response = await fetch(`${url}/event`);
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const frames = text.split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const event = JSON.parse(frame.slice("data: ".length));
      yield event;
      if (event.type === END) return;
    }
  }
}

async function counted(events) {
  let count = 0;
  for await (const _ of events) count++;
  return count;
}

async function repeated(call, before = 50) {
  for (let i = 0; i < before; i++) await call();
  return measured(2000, async () => {
    for (let i = 0; i < 2000; i++) await call();
  });
}

const modes = {
  "sdk-stream": async () => {
    const opencode = await client();
    return measured(null, () => counted(sdkEvents(opencode)));
  },
  "sdk-stream-warm": async () => {
    const opencode = await client();
    await counted(sdkEvents(opencode));
    return measured(null, () => counted(sdkEvents(opencode)));
  },
  "fetch-stream": () => measured(null, () => counted(fetchEvents())),
  "sdk-latency": async () => {
    const latencies = [];
    for await (const event of sdkEvents(await client())) {
      const received = process.hrtime.bigint();
      if (event.type === "message.part.delta") latencies.push(Number(received - BigInt(event.properties.delta)) / 1e3);
    }
    const sorted = latencies.slice(latencies.length / 10).sort((a, b) => a - b);
    const at = (part) => sorted[Math.floor((sorted.length - 1) * part)];
    const used = process.cpuUsage();
    return {
      count: sorted.length, p50_us: at(0.5), p99_us: at(0.99), max_us: at(1),
      cpu_s: (used.user + used.system) / 1e6, peak_kb: peak(),
    };
  },
  "sdk-rest": async () => {
    const opencode = await client();
    return repeated(() => opencode.session.get({ path: { id: SESSION }, throwOnError: true }));
  },
  "sdk-rest-warm": async () => {
    const opencode = await client();
    return repeated(() => opencode.session.get({ path: { id: SESSION }, throwOnError: true }), 12000);
  },
  "fetch-rest": () => repeated(async () => (await fetch(`${url}/session/${SESSION}`)).json()),
  import: async () => {
    await import("@opencode-ai/sdk");
    return { peak_kb: peak() };
  },
  empty: async () => ({ peak_kb: peak() }),
};

console.log(JSON.stringify(await modes[mode]()));
process.exit(0);
