// The line to the bridge: server-sent events over fetch, since EventSource can show no token.

const RETRY_SECONDS = [1, 2, 5, 10];
const SILENCE_SECONDS = 25; // the bridge says something every 10 s at least
const REFUSED_SECONDS = 10;

/** An answer of the bridge that is no success; `message` is its sentence. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Asks the bridge for something, with the token where there is one. */
export async function ask(path, token, signal) {
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

/** Follows the bridge until stopped. `heard(kind, content)`, `lost(why)` and `refused(refusal)` are told what happens. */
export class Stream {
  #heard;
  #lost;
  #refused;
  #abort = null;

  constructor({ heard, lost, refused }) {
    this.#heard = heard;
    this.#lost = lost;
    this.#refused = refused;
  }

  start(path, token) {
    this.stop();
    this.#abort = new AbortController();
    this.#follow(path, token, this.#abort.signal);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
  }

  async #follow(path, token, stopped) {
    let failures = 0;
    while (!stopped.aborted) {
      let pause = RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length - 1)];
      try {
        await this.#read(path, token, stopped, () => (failures = 0));
        this.#lost("The bridge has ended the line.");
      } catch (error) {
        if (stopped.aborted) {
          return;
        }
        if (error instanceof Refusal && error.status < 500) {
          this.#refused(error);
          return;
        }
        pause = error instanceof Refusal ? REFUSED_SECONDS : pause;
        this.#lost(error instanceof Refusal ? error.message : "The bridge does not answer.");
      }
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    }
  }

  async #read(path, token, stopped, wellBegun) {
    const line = new AbortController();
    const hangUp = () => line.abort();
    stopped.addEventListener("abort", hangUp);
    let silence = setTimeout(hangUp, SILENCE_SECONDS * 1000);
    try {
      const response = await ask(path, token, line.signal);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) {
          return;
        }
        clearTimeout(silence);
        silence = setTimeout(hangUp, SILENCE_SECONDS * 1000);
        wellBegun();
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        parts.forEach((part) => this.#take(part));
      }
    } finally {
      clearTimeout(silence);
      stopped.removeEventListener("abort", hangUp);
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
