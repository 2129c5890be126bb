// What the status says, section by section.

import { byId, facts, lines, make, put, reconcile, setHidden, table } from "./dom.js";
import { EVENT_STATES, OPERATIONS, SERVER_STATES, ago, count, duration, latency } from "./words.js";

const MAIN = new Set(["updateUnitLocations", "setUnitPanic", "setUnitStatus", "create911Call", "heartbeat"]);
const ICONS = { well: "●", warning: "▲", problem: "■", unknown: "?" };

/** Shows the sentence; it is announced when more than its figures change. */
export function showVerdict(level, sentence, problems, now) {
  const section = byId("verdict");
  if (!section.classList.contains(level)) {
    section.className = `verdict ${level}`;
    byId("icon").href = `page/icon-${level}.svg`;
  }
  put(byId("sentence"), `${ICONS[level]} ${sentence}`);
  const title = { well: "all is well", warning: "look here", problem: "trouble", unknown: "no connection" }[level];
  if (document.title !== `${ICONS[level]} cad-bridge: ${title}`) {
    document.title = `${ICONS[level]} cad-bridge: ${title}`;
  }
  const announced = byId("announcement");
  const meaning = level + sentence.replace(/[\d.,]+/g, "");
  if (announced.dataset.meaning !== meaning) {
    announced.dataset.meaning = meaning;
    put(announced, sentence);
  }
  setHidden(byId("todo"), problems.length === 0);
  reconcile(
    byId("todo"),
    problems.map((problem, number) => ({ ...problem, number })),
    (problem) => problem.number,
    () => make("li", {}, make("b"), " ", make("span")),
    (item, problem) => {
      const since = problem.since ? `for ${duration(now - problem.since)}` : "";
      const alone = problems.length === 1; // then the sentence says what it is
      const what = alone ? since.replace("for", "For") : problem.text + (since && ` (${since})`);
      put(item.children[0], what && `${what}.`);
      putAdvice(item.children[1], problem.advice);
    },
  );
}

/** Shows a sentence whose commands stand between backticks. */
function putAdvice(element, advice) {
  if (element.dataset.said !== advice) {
    element.dataset.said = advice;
    const parts = advice.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));
    element.replaceChildren(...parts);
  }
}

/** Shows everything but the map. */
export function showStatus(status, now) {
  put(byId("about"), `version ${status.version}, started ${ago(status.started_at, now)}`);
  showCad(status.cad, now);
  showServers(status.servers, now);
  showBatch(status.locations, status.cad, now);
  showBudgets(status.cad.budgets);
  showOutbox(status.outbox, now);
  showPanics(status.panics, now);
}

function showCad(cad, now) {
  const reachable = {
    true: ["● it answers", "good"],
    false: ["■ it does not answer", "bad"],
    null: ["not asked yet", ""],
  }[cad.up];
  const key = {
    accepted: ["● accepted", "good"],
    refused: ["■ refused", "bad"],
    unknown: ["not known yet", ""],
  }[cad.key] ?? [cad.key, ""];
  facts(byId("cad-facts"), [
    ["Reachable", ...reachable],
    ["Key", ...key],
    ["Plan", cad.plan ?? "not known"],
    ["Last answer", ago(cad.last_answer_at, now)],
  ]);
  lines(
    byId("findings"),
    cad.findings.map((finding) => `${finding.severity}: ${finding.text}`),
  );
}

function showServers(servers, now) {
  const cellsOf = (server) => [
    `${server.name} (${server.id})`,
    SERVER_STATES[server.state] ?? server.state,
    ago(server.last_push_at, now),
    server.players === null ? "–" : String(server.players),
    String(server.units),
    String(server.pending),
    String(server.unmatched),
    ago(server.heartbeat_at, now),
  ];
  table(byId("server-rows"), servers, (server) => server.id, cellsOf);
}

function showBatch(locations, cad, now) {
  const left = locations.next_batch_at - now;
  const next = locations.next_batch;
  const when = left > 0 ? `in ${Math.ceil(left)} s` : "now";
  let holds = "nothing: no unit has moved";
  if (next !== null) {
    holds = `${count(next.units, "unit")} of ${next.server}${next.panicking ? ", one that pressed panic first" : ""}`;
  } else if (cad.key === "refused") {
    holds = "held: the key is refused";
  } else if (locations.pending) {
    holds = `held: ${count(locations.pending, "unit")} to send`;
  }
  facts(byId("batch-facts"), [
    ["Leaves", when],
    ["Holds", holds],
    ["Known", `${count(locations.units, "unit")}, ${locations.pending.toLocaleString("en")} to send`],
    ["Pace", `one every ${locations.interval.toFixed(1)} s`],
    ["Last one", lastBatch(locations.last_batch, now), locations.last_batch?.reason ? "bad" : ""],
  ]);
  lines(
    byId("aside"),
    locations.set_aside.map((one) => `\u2068${one.unit}\u2069: refused by the CAD, left out for ${duration(one.until - now)}`),
  );
}

function lastBatch(batch, now) {
  if (batch === null) {
    return "none yet";
  }
  const outcome = batch.reason ? `failed (${batch.reason})` : `${batch.updated ?? "?"} of ${batch.units} matched`;
  return `${ago(batch.at, now)}, ${count(batch.units, "unit")} of ${batch.server}, ${outcome}, oldest place ` +
    `${batch.lag_seconds.toFixed(1)} s old`;
}

function showBudgets(budgets) {
  const order = Object.keys(OPERATIONS);
  const rank = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  const all = Object.entries(budgets).sort(([one], [other]) => rank(one) - rank(other));
  const shown = all.filter(([name, { limit, remaining }]) => MAIN.has(name) || remaining < limit);
  const create = ([name]) =>
    make(
      "li",
      {},
      make("label", { for: `budget-${name}` }, OPERATIONS[name] ?? name),
      make("span"),
      make("meter", { id: `budget-${name}`, min: "0" }),
    );
  reconcile(
    byId("budget-rows"),
    shown,
    ([name]) => name,
    create,
    (item, [, { limit, remaining }]) => {
      const [, text, meter] = item.children;
      const said = `${remaining} of ${limit} left`;
      if (text.textContent !== said) {
        put(text, said);
        meter.max = limit;
        meter.low = limit / 4;
        meter.optimum = limit;
        meter.value = remaining;
      }
    },
  );
  const others = all.filter((entry) => !shown.includes(entry)).map(([name]) => OPERATIONS[name] ?? name);
  put(byId("budget-others"), others.length ? `Untouched: ${others.join(", ")}.` : "");
}

function showOutbox(outbox, now) {
  const reasons = (state) =>
    Object.entries(outbox.reasons[state] ?? {}).map(([reason, number]) => `${number} × ${reason}`).join(", ");
  const said = (state) => {
    if (state === "pending") {
      const waiting = Object.entries(outbox.waiting).map(([kind, number]) => `${number} × ${kind}`).join(", ");
      const oldest = outbox.oldest_pending_at === null ? "" : `the oldest for ${duration(now - outbox.oldest_pending_at)}`;
      return [waiting, oldest, outbox.hindrance].filter(Boolean).join("; ") || EVENT_STATES.pending;
    }
    const why = reasons(state);
    return why ? `${EVENT_STATES[state]}; since the start: ${why}` : EVENT_STATES[state];
  };
  const cellsOf = (state) => [
    [state, (state === "failed" || state === "expired") && outbox[state] ? "bad" : ""],
    outbox[state].toLocaleString("en"),
    said(state),
  ];
  table(byId("outbox-rows"), Object.keys(EVENT_STATES), (state) => state, cellsOf);
  history("failure-rows", "no-failures", outbox.recent_failures, (event) => [
    ago(event.ended_at, now),
    event.kind,
    event.error ?? "",
    event.id.slice(0, 12),
  ]);
}

function showPanics(panics, now) {
  const moods = { delivered: "good", failed: "bad", expired: "bad" };
  history("panic-rows", "no-panics", panics, (panic) => [
    ago(panic.at, now),
    panic.active ? "pressed" : "released",
    String(panic.units),
    [panic.state, moods[panic.state] ?? ""],
    latency(panic.latency_seconds),
    panic.id.slice(0, 12),
  ]);
}

function history(rows, none, events, cellsOf) {
  setHidden(byId(none), events.length > 0);
  setHidden(byId(rows).closest(".scroll"), events.length === 0);
  table(byId(rows), events, (event) => event.id, cellsOf);
}
