// Shows the board. Everything that comes from sessions is set as text, never as HTML.

const words = {
  idle: "at rest",
  busy: "at work",
  asks: "asks for permission",
  completed: "done",
  aborted: "stopped",
  failed: "failed",
};

const byId = (id) => document.getElementById(id);
const [list, waiting, news] = [byId("sessions"), byId("waiting"), byId("news")];
const sessions = new Map();
const items = new Map();

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function label(session) {
  return session.title || "Session without a title";
}

/** One line with a text that is left out while it is empty. */
function line(name) {
  const box = element("div", name);
  box.append(element("div", "label", name[0].toUpperCase() + name.slice(1)), element("pre"));
  return box;
}

function item(session) {
  const known = items.get(session.id);
  if (known) return known;
  const made = element("li");
  const details = element("details", "session");
  const summary = element("summary");
  summary.append(element("span", "title"), element("span", "state"));
  const inside = element("div", "inside");
  inside.append(line("prompt"), line("answer"), line("tool"), line("error"), line("asks"));
  details.append(summary, inside);
  details.open = true;
  made.append(details);
  items.set(session.id, made);
  return made;
}

function set(node, text) {
  // A text that is the same keeps what a person has selected in it.
  if (node.textContent !== text) node.textContent = text;
}

function show(session) {
  const made = item(session);
  const details = made.firstElementChild;
  details.dataset.state = session.state;
  details.dataset.session = session.id;
  set(made.querySelector(".title"), label(session));
  set(made.querySelector(".state"), words[session.state] ?? session.state);
  const asks = session.asks.map((ask) => ask.detail || ask.title).join("\n");
  const texts = { ...session, asks };
  for (const name of ["prompt", "answer", "tool", "error", "asks"]) {
    const box = made.querySelector(`.${name}`);
    box.hidden = !texts[name];
    set(box.querySelector("pre"), texts[name] ?? "");
  }
}

/** Puts children into this order with as few moves as there can be, so that the focus stays. */
function order(parent, wanted) {
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  while (next) {
    const after = next.nextElementSibling;
    next.remove();
    next = after;
  }
}

function arrange() {
  const onlyActive = byId("active").checked;
  const all = [...sessions.values()].sort((a, b) => b.updated - a.updated || (a.id < b.id ? 1 : -1));
  const shown = all.filter((session) => !onlyActive || session.state === "busy" || session.state === "asks");
  const asking = shown.filter((session) => session.state === "asks");
  const others = shown.filter((session) => session.state !== "asks");
  const focused = document.activeElement;
  order(waiting, asking.map(item));
  order(list, others.map(item));
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus();
  byId("waiting-section").hidden = asking.length === 0;
  byId("none").hidden = shown.length > 0;
  set(byId("none"), sessions.size > 0 ? "No session is at work." : "There is no session yet.");
  document.title = asking.length > 0 ? `(${asking.length}) Sessions` : "Sessions";
}

/** What a person who does not look must hear: who asks, and who is done. */
function tell(before, session) {
  if (!before || before.state === session.state) return;
  if (session.state === "asks") news.textContent = `${label(session)} asks: ${session.asks[0]?.title ?? ""}`;
  else if (["completed", "failed", "aborted"].includes(session.state)) {
    news.textContent = `${label(session)}: ${words[session.state]}`;
  }
}

function take(board) {
  if (board.all) {
    const here = new Set(board.sessions.map((session) => session.id));
    for (const id of [...sessions.keys()]) if (!here.has(id)) forget(id);
  }
  for (const id of board.gone) forget(id);
  for (const session of board.sessions) {
    tell(sessions.get(session.id), session);
    sessions.set(session.id, session);
    show(session);
  }
  arrange();
}

function forget(id) {
  sessions.delete(id);
  items.get(id)?.remove();
  items.delete(id);
}

const events = new EventSource("/events");
events.addEventListener("open", () => set(byId("connection"), "Live"));
events.addEventListener("error", () => {
  const over = events.readyState === EventSource.CLOSED;
  set(byId("connection"), over ? "Ended. Open the address anew that nexus shows." : "Lost; trying again …");
});
events.addEventListener("board", (event) => take(JSON.parse(event.data)));
byId("active").addEventListener("change", arrange);
byId("filter").addEventListener("submit", (event) => event.preventDefault());
