// The admin API. The token, where one is asked for, stays in this tab.

import { readJson, writeJson } from "./text.js";

const STORED = "handoff.token";

/** An answer that says no: RFC 9457's members, as far as there are any. */
export class Problem extends Error {
  constructor(status, body) {
    const text = typeof body?.detail === "string" ? body.detail
      : `The service answered ${status}.`;
    super(text);
    this.status = status;
    this.title = typeof body?.title === "string" ? body.title : "";
  }
}

export const token = {
  get: () => sessionStorage.getItem(STORED) ?? "",
  set: (value) => sessionStorage.setItem(STORED, value),
};

// Who asks for the token; set by the page.
let askForToken = async () => "";
let asking = null;

export function onTokenWanted(ask) {
  askForToken = ask;
}

/** Fields that a request of ours carries. */
export function fields(extra = {}) {
  const known = token.get();
  return known ? { ...extra, Authorization: `Bearer ${known}` } : extra;
}

/** Asks a person for the token, one question at a time. */
export function renewToken(refused) {
  // Somebody has given another one while that answer was on its way.
  if (refused !== token.get()) return Promise.resolve();
  asking ??= askForToken(refused !== "")
    .then((given) => token.set(given))
    .finally(() => { asking = null; });
  return asking;
}

// How far the clock of the service is ahead of this one's, where that is more
// than its header can tell.
let ahead = 0;

/** Now, by the clock of the service. */
export const serverNow = () => Date.now() + ahead;

/** `fetch` of the API, which asks for the token until it is right. */
export async function request(path, options = {}) {
  for (;;) {
    const used = token.get();
    const answer = await fetch(`api/v1/${path}`, {
      ...options, headers: fields(options.headers), cache: "no-store" });
    const skew = Date.parse(answer.headers.get("Date") ?? "") - Date.now();
    if (!Number.isNaN(skew)) ahead = Math.abs(skew) > 2_000 ? skew : 0;
    if (answer.status !== 401) return answer;
    await renewToken(used);
  }
}

async function result(answer) {
  const body = await answer.text().then(readJson).catch(() => null);
  if (!answer.ok) throw new Problem(answer.status, body);
  return body;
}

export const get = async (path) => result(await request(path));

export const post = async (path, body) => result(await request(path, {
  method: "POST",
  ...(body === undefined ? {}
    : { body: writeJson(body),
        headers: { "Content-Type": "application/json" } }),
}));

/** "?a=b" of what is not empty. */
export function query(values) {
  const set = new URLSearchParams(
    Object.entries(values).filter(([, value]) => value));
  const text = set.toString();
  return text ? `?${text}` : "";
}
