// The stream of events: fetch() rather than EventSource, which cannot send a
// token.

import { request, Problem } from "./api.js";
import { readJson } from "./text.js";

// The service sends something every 15 s.
const SILENCE_MS = 40_000;
const PAUSE_MS = 1_000;
const PAUSE_MAX_MS = 15_000;

/** Reads server-sent events (WHATWG HTML, section 9.2.6) from pieces of text. */
export class EventReader {
  #rest = "";
  #event = "";
  #data = [];
  lastId = "";

  /** The events that `piece` completes. */
  feed(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop();
    return lines.map((line) => this.#line(line)).filter(Boolean);
  }

  /** Drops what is incomplete. */
  reset() {
    this.#rest = "";
    this.#event = "";
    this.#data = [];
  }

  #line(line) {
    if (line === "") {
      const done = this.#data.length === 0 ? null
        : { event: this.#event || "message", data: this.#data.join("\n") };
      this.#event = "";
      this.#data = [];
      return done;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id") this.lastId = value;
    return null;
  }
}

const sleep = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); });
});

async function follow(reader, listener, signal) {
  const silence = new AbortController();
  const ended = AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const answer = await request("events", { signal: ended,
      headers: reader.lastId ? { "Last-Event-ID": reader.lastId } : {} });
    if (!answer.ok)
      throw new Problem(answer.status, await answer.json().catch(() => null));
    // It may have been ended while it was begun.
    if (ended.aborted) return;
    listener.state("live");
    const stream = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await stream.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      for (const { event, data } of reader.feed(value))
        listener.told(event, readJson(data));
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Tells `listener.told(event, data)` of every change until `signal` ends it,
 * and `listener.state(...)` whether it hears of them. After a gap that the
 * service cannot fill there is an event `lagged`: look at everything again.
 */
export async function watch(listener, signal) {
  const reader = new EventReader();
  let pause = PAUSE_MS;
  while (!signal.aborted) {
    const began = Date.now();
    try {
      await follow(reader, listener, signal);
    } catch {
      // Whatever it was, it is tried again.
    }
    if (signal.aborted) return;
    reader.reset();
    listener.state("lost");
    pause = Date.now() - began > PAUSE_MAX_MS ? PAUSE_MS
      : Math.min(2 * pause, PAUSE_MAX_MS);
    await sleep(pause, signal);
    // Without a name for the place where it stopped, all may have changed.
    if (reader.lastId === "") listener.told("lagged", {});
  }
}
