// The status page: what the bridge tells over its stream, and the search.

import { byId, make, put, setHidden, table } from "./dom.js";
import { UnitMap } from "./map.js";
import { showStatus, showVerdict } from "./panels.js";
import { Refusal, Stream, ask } from "./stream.js";
import { PANICKING, SET_ASIDE, STALE, Units, stateOf } from "./units.js";
import { STORIES, count } from "./words.js";

const TOKEN = "cad-bridge admin token"; // in sessionStorage: gone with the tab, never in a URL or a cookie

const units = new Units();
const MOST_ROWS = 500; // units in the table; those something is wrong with come first
const SETTLE_MILLISECONDS = 50; // after news, since more of it may follow

const stream = new Stream({ heard, glanced, lost, refused });
const map = new UnitMap(byId("map-frame"), byId("canvas"), units, (unit) => search(unit.name));
let status = null;
let aheadSeconds = 0; // how far the bridge's clock is ahead of ours
let connected = false;
let wantsFull = false;
let seenWithout = false; // whether the bridge shows this page to whoever asks from here
let heardAt = null; // when the bridge said something last, by our clock
let settling = 0; // the timer that shows news
let searches = 0;
let askedFor = ""; // why the token form is open: "all" or only "identifiers"; empty while it is not

const bridgeNow = () => Date.now() / 1000 + aheadSeconds;
const token = () => sessionStorage.getItem(TOKEN) ?? "";

function connect() {
  setHidden(byId("forget"), !token());
  if (document.hidden) {
    stream.glance(token());
  } else {
    stream.start(wantsFull ? "live?full=1" : "live", token());
  }
}

function heard(kind, content) {
  if (kind === "snapshot") {
    expectVersion(content.status.version);
    units.clear();
    status = content.status;
  } else {
    Object.assign(status, content.status);
  }
  units.take(content);
  answered(status.now);
  settling ||= setTimeout(() => {
    settling = 0;
    if (connected) {
      setHidden(byId("content"), false);
      show();
      showUnits();
    }
  }, SETTLE_MILLISECONDS);
}

/** Takes what a hidden tab asks for: no more than its title and sign show, since identifiers in it are not shortened. */
function glanced({ version, verdict, now }) {
  expectVersion(version);
  if (status !== null) {
    Object.assign(status, { verdict, now });
  }
  answered(now);
  showVerdict(verdict.level, verdict.sentence, verdict.problems, now);
}

function expectVersion(version) {
  if (status !== null && status.version !== version) {
    location.reload(); // another bridge has other files
  }
}

function answered(now) {
  heardAt = new Date();
  aheadSeconds = now - heardAt / 1000;
  connected = true;
  seenWithout ||= !token();
  if (askedFor === "all") {
    closeDoor();
  }
}

function lost(why) {
  connected = false;
  const last = heardAt === null ? "" : ` What stands below is what it said last, at ${heardAt.toLocaleTimeString("en-GB")}.`;
  showVerdict("unknown", `No connection to the bridge: ${why}.${last}`, [], 0);
}

function refused(refusal) {
  connected = false;
  const shown = token() !== "";
  if (refusal.status === 401 && shown && seenWithout) {
    sessionStorage.removeItem(TOKEN);
    wantFull(false);
    askForToken("That token is wrong.", "identifiers");
    connect();
    return;
  }
  setHidden(byId("content"), true);
  if (refusal.status === 401 || (refusal.status === 403 && !shown)) {
    sessionStorage.removeItem(TOKEN);
    showVerdict("unknown", "The bridge wants the admin token.", [], 0);
    askForToken(shown ? "That token is wrong." : `Without it: ${refusal.message}.`, "all");
    return;
  }
  showVerdict("unknown", `The bridge does not answer this page: ${refusal.message}.`, [], 0);
}

function askForToken(why, what) {
  askedFor = what;
  put(byId("door-why"), why);
  setHidden(byId("door-cancel"), what === "all");
  setHidden(byId("door"), false);
  byId("token").focus();
}

function closeDoor() {
  askedFor = "";
  setHidden(byId("door"), true);
}

function leaveDoor() {
  closeDoor();
  byId("token").value = "";
  byId("full").focus();
}

function wantFull(wanted) {
  wantsFull = wanted;
  byId("full").checked = wanted;
}

function show() {
  if (connected && status !== null && !document.hidden) {
    const now = bridgeNow();
    const { level, sentence, problems } = status.verdict;
    showVerdict(level, sentence, problems, now);
    showStatus(status, now);
  } else if (connected && status !== null) {
    showVerdict(status.verdict.level, status.verdict.sentence, status.verdict.problems, bridgeNow());
  }
}

function showUnits() {
  const all = Array.from(units.all.values());
  const marked = (mark) => all.filter(({ marks }) => marks & mark).length;
  const [panicking, stale, aside] = [marked(PANICKING), marked(STALE), marked(SET_ASIDE)];
  const said = [count(all.length, "unit")];
  if (panicking) {
    said.push(`${panicking} panicking`);
  }
  if (stale) {
    said.push(`${stale} stale`);
  }
  if (aside) {
    said.push(`${aside} refused by the CAD`);
  }
  put(byId("map-summary"), `${said.join(", ")}.`);
  const label = `Map of units: ${said.join(", ")}. The table below says the same.`;
  if (byId("canvas").getAttribute("aria-label") !== label) {
    byId("canvas").setAttribute("aria-label", label);
  }
  map.redraw();
  if (byId("list").open && !document.hidden) {
    showList();
  }
}

function showList() {
  const names = new Map(status.servers.map((server) => [server.id, server.name]));
  const shown = units.inOrder().slice(0, MOST_ROWS);
  setHidden(byId("list-rest"), shown.length === units.all.size);
  put(byId("list-rest"), `${MOST_ROWS} of ${count(units.all.size, "unit")}; look for others below.`);
  const cellsOf = (unit) => [
    unit.name,
    names.get(unit.server) ?? String(unit.server),
    unit.words ?? "",
    String(unit.x),
    String(unit.y),
    [stateOf(unit), unit.marks & PANICKING ? "bad" : unit.marks ? "fair" : ""],
  ];
  table(byId("unit-rows"), shown, (unit) => unit.number, cellsOf);
}

async function search(typed) {
  byId("query").value = typed;
  searches += 1;
  const mine = searches;
  const found = byId("found");
  try {
    const query = new URLSearchParams(wantsFull ? { q: typed, full: "1" } : { q: typed });
    const response = await ask(`units?${query}`, token());
    const told = await response.json();
    if (mine !== searches) {
      return; // somebody has asked for another one meanwhile
    }
    const more = told.matches > told.units.length ? [make("p", {}, `${told.matches} units match; the first are shown.`)] : [];
    found.replaceChildren(...more, ...told.units.map(story));
  } catch (error) {
    if (mine !== searches) {
      return;
    }
    const why = error instanceof Refusal ? error.message : "the bridge does not answer";
    found.replaceChildren(make("p", { className: "bad" }, `Not asked: ${why}.`));
  }
  found.focus();
}

function story({ unit, server, state, on_map: onMap, sentence, more }) {
  const older = ["waiting", "in_flight", "stale"].includes(state) ? ", perhaps at an older place" : "";
  const where = { true: `● on the live map${older}`, false: "■ not on the live map", null: "▲ perhaps on the live map" }[onMap];
  const mood = { true: "good", false: "bad", null: "fair" }[onMap];
  return make(
    "article",
    {},
    make("h3", {}, make("bdi", {}, unit), server === null ? "" : " of ", make("bdi", {}, server ?? "")),
    make("p", {}, make("span", { className: mood }, where), `: ${STORIES[state] ?? state}`),
    make("p", { className: "answer" }, make("bdi", {}, sentence)),
    make("ul", {}, ...more.map((line) => make("li", {}, make("bdi", {}, line)))),
  );
}

byId("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, byId("token").value.trim());
  byId("token").value = "";
  closeDoor();
  connect();
});
byId("door-cancel").addEventListener("click", leaveDoor);
byId("door").addEventListener("keydown", ({ key }) => key === "Escape" && askedFor === "identifiers" && leaveDoor());
byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem(TOKEN);
  location.reload();
});
byId("full").addEventListener("change", () => {
  wantFull(byId("full").checked);
  if (wantsFull && !token()) {
    wantFull(false);
    askForToken("Identifiers in full need the admin token, on this machine too. Tick the box again after that.", "identifiers");
    return;
  }
  connect();
});
byId("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = byId("query").value.trim();
  if (typed) {
    search(typed);
  } else {
    byId("query").value = "";
    byId("query").reportValidity();
  }
});
byId("zoom-in").addEventListener("click", () => map.zoom(1.5));
byId("zoom-out").addEventListener("click", () => map.zoom(1 / 1.5));
byId("zoom-fit").addEventListener("click", () => map.fit());
byId("list").addEventListener("toggle", () => status !== null && showList());
document.addEventListener("visibilitychange", () => {
  if (!askedFor || seenWithout) {
    connect();
  }
  show();
  if (status !== null) {
    showUnits();
  }
});
setInterval(show, 1000);
connect();
