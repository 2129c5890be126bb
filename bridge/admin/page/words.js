// Figures and states in the words of the page; the same as those of `cad-bridge status` where it has them.

export function duration(seconds) {
  if (seconds < 10) {
    return `${Math.max(0, seconds).toFixed(0)} s`;
  }
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  }
  if (whole < 86400) {
    return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  }
  return `${Math.floor(whole / 86400)} d ${two(Math.floor((whole % 86400) / 3600))} h`;
}

export function ago(then, now) {
  if (then === null || then === undefined) {
    return "never";
  }
  return now - then < 1 ? "just now" : `${duration(now - then)} ago`;
}

export function latency(seconds) {
  if (seconds === null || seconds === undefined) {
    return "–";
  }
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

export function count(number, noun) {
  const plural = noun.endsWith("ch") || noun.endsWith("sh") ? `${noun}es` : `${noun}s`;
  return `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;
}

export const SERVER_STATES = {
  up: ["● up", "good"],
  hitching: ["▲ hitching: its pushes come late", "fair"],
  resource_silent: ["■ resource silent: the game server runs, but pushes nothing", "bad"],
  silent: ["■ silent", "bad"],
};

export const EVENT_STATES = {
  pending: "on disk, to be sent",
  delivered: "the CAD took them",
  failed: "the CAD refused them, or they matched no unit",
  expired: "older than their time to live",
  superseded: "made pointless by a newer state",
};

export const OPERATIONS = {
  updateUnitLocations: "Locations",
  setUnitPanic: "Panics",
  setUnitStatus: "Unit states",
  create911Call: "911 calls",
  createDispatchCall: "Dispatch calls",
  heartbeat: "Heartbeats",
  getVersion: "Is the key right?",
  getServers: "Servers of the CAD",
  getCalls: "Looking for calls",
  kickUnit: "Kicks",
  addCallNote: "Notes on calls",
  attachUnits: "Units to a call",
  detachUnits: "Units off a call",
  closeDispatchCalls: "Dispatch calls closed",
  remove911Call: "911 calls taken off",
  createBlip: "Blips",
  sendPhoto: "Photos",
};

export const STORIES = {
  sent: "sent",
  in_flight: "on its way",
  waiting: "waits",
  refused: "refused by the CAD",
  stale: "too old",
  forgotten: "forgotten",
  rejected: "rejected",
  panic_only: "panic without a place",
  unknown: "never pushed",
};
