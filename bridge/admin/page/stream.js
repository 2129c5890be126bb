// The line to the bridge: server-sent events over fetch, since EventSource can show no token.

const RETRY_SECONDS = [1, 2, 5, 10];
const SILENCE_SECONDS = 25; // the bridge says something every 10 s at least
const REFUSED_SECONDS = 10;
const GLANCE_SECONDS = 10; // between two questions of a tab that nobody sees
const FINAL = new Set([401, 403]); // answers that asking again does not change
const SENDABLE = /^[\x21-\x7e]*$/; // what a browser lets a header hold, and the bridge a token

/** An answer of the bridge that is no success; `message` is its sentence. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Asks the bridge for something, with the token where there is one. */
export async function ask(path, token, signal) {
  if (!SENDABLE.test(token)) {
    throw new Refusal(401, "the token is wrong");
  }
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { headers, signal, cache: "no-store", redirect: "error" });
  if (response.ok) {
    return response;
  }
  let detail = `HTTP ${response.status}`;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch {
    // a proxy's answer: the number has to do
  }
  throw new Refusal(response.status, detail);
}

/** Ends a request that nobody wants any more, or that says nothing for too long. */
class Line {
  #controller = new AbortController();
  #hangUp = () => this.#controller.abort();
  #stopped;
  #silence;

  constructor(stopped) {
    this.#stopped = stopped;
    stopped.addEventListener("abort", this.#hangUp);
    this.heard();
  }

  get signal() {
    return this.#controller.signal;
  }

  heard() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(this.#hangUp, SILENCE_SECONDS * 1000);
  }

  close() {
    clearTimeout(this.#silence);
    this.#stopped.removeEventListener("abort", this.#hangUp);
  }
}

/**
 * Follows the bridge until stopped. `heard(kind, content)`, `glanced(status)`, `lost(why)` and `refused(refusal)` are told
 * what happens.
 */
export class Stream {
  #heard;
  #glanced;
  #lost;
  #refused;
  #abort = null;

  constructor({ heard, glanced, lost, refused }) {
    this.#heard = heard;
    this.#glanced = glanced;
    this.#lost = lost;
    this.#refused = refused;
  }

  start(path, token) {
    this.#begin((stopped, wellBegun) => this.#read(path, token, stopped, wellBegun));
  }

  /** Asks how all is now and then, without a line that stands: browsers open six to one bridge, for all tabs. */
  glance(token) {
    this.#begin(async (stopped, wellBegun) => {
      for (;;) {
        const line = new Line(stopped);
        try {
          this.#glanced(await (await ask("status", token, line.signal)).json());
        } finally {
          line.close();
        }
        wellBegun();
        await pause(GLANCE_SECONDS);
      }
    });
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
  }

  #begin(read) {
    this.stop();
    this.#abort = new AbortController();
    this.#follow(read, this.#abort.signal);
  }

  async #follow(read, stopped) {
    let failures = 0;
    while (!stopped.aborted) {
      let seconds = RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length - 1)];
      try {
        await read(stopped, () => (failures = 0));
        if (stopped.aborted) {
          return;
        }
        this.#lost("it has ended the line");
      } catch (error) {
        if (stopped.aborted) {
          return;
        }
        if (error instanceof Refusal && FINAL.has(error.status)) {
          this.#refused(error);
          return;
        }
        seconds = error instanceof Refusal ? REFUSED_SECONDS : seconds;
        this.#lost(error instanceof Refusal ? error.message : "it does not answer");
      }
      failures += 1;
      await pause(seconds);
    }
  }

  async #read(path, token, stopped, wellBegun) {
    const line = new Line(stopped);
    try {
      const response = await ask(path, token, line.signal);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) {
          return;
        }
        line.heard();
        wellBegun();
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        parts.forEach((part) => this.#take(part));
      }
    } finally {
      line.close();
    }
  }

  #take(part) {
    const fields = Object.fromEntries(
      part.split("\n").map((row) => [row.slice(0, row.indexOf(":")), row.slice(row.indexOf(":") + 1).trim()]),
    );
    if (fields.event) {
      this.#heard(fields.event, JSON.parse(fields.data));
    }
  }
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
