// Times, lengths and states in words.

import { h } from "./dom.js";

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric" });

export const isFinal = (status) =>
  ["succeeded", "failed", "cancelled"].includes(status);

export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / 1440)} days`;
}

/** The time of day; with the date where that is not today. */
export function when(text, now = new Date()) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return String(text);
  return at.toDateString() === now.toDateString()
    ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

export function time(text) {
  return h("time", { datetime: text, title: text }, when(text));
}

export const number = (value) => new Intl.NumberFormat("en").format(value);

const MARKS = {
  succeeded: "✓", closed: "✓", commits: "✓", failed: "✕", fails: "✕",
  open: "✕", ambiguous: "?", "half-open": "◐", running: "▸", cloning: "▸",
  retrying: "↻", waiting: "·", cancelled: "–", skipped: "–",
};

/** A state with its mark, so that colour is not all that tells it. */
export function badge(status) {
  const known = Object.hasOwn(MARKS, status);
  return h("span", { class: `badge ${known ? status : ""}` },
    h("span", { class: "mark", "aria-hidden": "true" },
      known ? MARKS[status] : "·"), status);
}

/** A UID as a person reads it. */
/** What stands before the digits of an integer that no number here can hold. */
const DIGITS = "\u{f0000}";

/** JSON with the digits of all integers: those beyond 2^53 become texts. */
export const readJson = (text) => JSON.parse(text.replace(
  /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g,
  (token) => /^-?\d{16,}$/.test(token) ? `"${DIGITS}${token}"` : token));

/** A value of `readJson` as JSON again, with the same digits. */
export const writeJson = (value, indent) => JSON.stringify(value, null, indent)
  .replace(new RegExp(`"${DIGITS}(-?\\d+)"`, "gu"), "$1");

/** An integer of any size, to be written with its digits. */
export const integer = (digits) => DIGITS + digits;

export const uidText = (uid) => uid === null || uid === undefined
  ? "" : typeof uid === "string" ? uid.replace(DIGITS, "") : writeJson(uid);
