// What happened to a job when: a row for the clone, for the reply and for each
// step, on one axis from the arrival of the webhook on.

import { h, s } from "./dom.js";
import { badge, duration, isFinal } from "./text.js";

const ROW = 22;
const AXIS = 36;
// A commit alone takes a few ms of each attempt: nothing to look at.
const SHOWN_WAIT_MS = 20;

/** The document has no status for the clone: the job's tells it. */
export function cloneStatus(job) {
  if (job.uid !== null) return "succeeded";
  if (job.status !== "cloning") return job.status;
  const last = job.clone.attempts.at(-1);
  if (last && last.duration_ms === null) return "running";
  return job.clone.next_attempt ? "retrying" : "waiting";
}

/** The clone and every step, with what it is called. */
export function stepsOf(job) {
  return [
    { ...job.clone, name: "clone", label: "clone", kind: "clone",
      status: cloneStatus(job) },
    ...job.sub_actions.map((each) =>
      ({ ...each, label: each.name, kind: "sub-action" })),
    ...job.compensations.map((each) =>
      ({ ...each, label: `undo ${each.name}`, kind: "compensation" })),
    ...job.callbacks.map((each) =>
      ({ ...each, label: `callback ${each.name}`, kind: "callback" })),
  ];
}

/** What calls beside the attempts of a step are called: "clone: poll". */
export const inquiryLabel = (step, inquiry) =>
  `${step.label}: ${inquiry.name.replace(":", " ")}`;

const times = (count) => count === 1 ? "once" : `${count} times`;

/** How often something was asked, and what came of it. */
export const found = (inquiry) =>
  `asked ${times(inquiry.count)}, the last found ${inquiry.finding}`;

/** How an attempt went, in a word or two. */
export function outcome(attempt, isOpen) {
  if (attempt.duration_ms === null) return isOpen ? "running" : "unknown";
  if (attempt.error === null) return "succeeded";
  return attempt.counted ? "failed" : "cut short";
}

const LOOK = { succeeded: "ok", failed: "bad", "cut short": "cut",
  running: "busy", unknown: "cut" };

/** The bars of one step: its attempts and the waits between them. */
function barsOf(step, origin, now) {
  const bars = step.inquiries.map((each) => ({ look: "wait",
    from: Math.max(0, Date.parse(each.first) - origin),
    to: Math.max(0, Date.parse(each.started) + each.duration_ms - origin),
    text: `${each.name.replace(":", " ")} ${found(each)}` }));
  let free = null;
  step.attempts.forEach((each, at) => {
    const from = Math.max(0, Date.parse(each.started) - origin);
    if (free !== null && free < from)
      bars.push({ from: free, to: from, look: "wait",
        text: `waited ${duration(from - free)}` });
    // `duration_ms` counts from the sending on, not from `started`.
    const begun = from + (each.waiting_ms ?? 0);
    if (begun - from > SHOWN_WAIT_MS)
      bars.push({ from, to: begun, look: "wait",
        text: `waited ${duration(begun - from)} for its turn` });
    const isOpen = step.status === "running" && at === step.attempts.length - 1;
    const went = outcome(each, isOpen);
    const to = each.duration_ms !== null ? begun + each.duration_ms
      : isOpen ? Math.max(begun, now - origin) : begun;
    bars.push({ from: begun, to, look: LOOK[went],
      text: `attempt ${each.number} ${went}`
        + (each.http_status ? ` with ${each.http_status}` : "")
        + ` after ${duration(to - begun)}, begun at ${duration(begun)}` });
    free = to;
  });
  if (step.status === "retrying" && free !== null && free < now - origin)
    bars.push({ from: free, to: now - origin, look: "wait",
      text: "waits for its next attempt" });
  return bars;
}

function replyRow(job) {
  if (job.reply === null)
    return { label: "reply", bars: [], note: isFinal(job.status)
      || job.status === "ambiguous" ? "none" : "the sender waits" };
  const at = job.reply.after_ms;
  return { label: "reply", bars: [], at, bad: !job.reply.written,
    note: `${job.reply.status} after ${duration(at)}`,
    why: job.reply.written ? null : "The sender had gone." };
}

export function rowsOf(job, now) {
  const origin = Date.parse(job.received);
  const rows = stepsOf(job).map((step) => {
    const last = step.attempts.at(-1);
    const failed = last?.error ?? null;
    const tries = step.attempts.length;
    return { label: step.label, kind: step.kind, name: step.name,
      status: step.status, bars: barsOf(step, origin, now),
      note: tries === 0 ? "" : tries === 1 ? "1 attempt" : `${tries} attempts`,
      due: step.status === "retrying" && step.next_attempt
        ? Math.max(0, Date.parse(step.next_attempt) - now) : null,
      why: step.error ?? (step.status === "succeeded" ? null : failed) };
  });
  rows.splice(1, 0, replyRow(job));
  return rows;
}

/** A distance between ticks that makes 3 to 7 of them. */
function tickStep(span) {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3,
    3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];
  return steps.find((each) => span / each <= 6) ?? 864e5 * Math.ceil(span / 5184e5);
}

function tickText(ms) {
  if (ms === 0) return "0";
  if (ms % 36e5 === 0) return `${ms / 36e5} h`;
  if (ms % 6e4 === 0) return `${ms / 6e4} min`;
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

function axis(span, deadline, percent) {
  const step = tickStep(span);
  const ticks = [];
  for (let at = 0; at <= span; at += step) {
    const x = percent(at);
    ticks.push(s("line", { class: "tick", x1: x, x2: x, y1: 30, y2: AXIS }),
      s("text", { x, y: 27, "text-anchor": at === 0 ? "start"
        : at > span * 0.94 ? "end" : "middle" }, tickText(at)));
  }
  return s("svg", { class: "axis", height: AXIS, "aria-hidden": "true" }, ticks,
    s("text", { class: "deadline-name", x: percent(deadline), y: 11,
      dx: deadline > span / 2 ? -4 : 4,
      "text-anchor": deadline > span / 2 ? "end" : "start" },
    `deadline ${duration(deadline)}`),
    s("line", { class: "deadline", x1: percent(deadline),
      x2: percent(deadline), y1: 2, y2: AXIS }));
}

function picture(row, deadline, percent, span) {
  const text = row.bars.map((each) => each.text).join("; ")
    || (row.at !== undefined ? row.note : "nothing yet");
  return s("svg", { class: "bars", height: ROW, role: "img",
    "aria-label": `${row.label}: ${text}` },
  s("line", { class: "deadline", x1: percent(deadline), x2: percent(deadline),
    y1: 0, y2: ROW }),
  row.bars.map((each) => {
    const width = Math.max(0.5, (each.to - each.from) / span * 100);
    const isWait = each.look === "wait";
    return s("rect", { class: `bar ${each.look}`, x: percent(each.from),
      width: `${width.toFixed(3)}%`, y: isWait ? 10 : 4,
      height: isWait ? 2 : 14, rx: isWait ? 1 : 3 },
    s("title", {}, each.text));
  }),
  row.at !== undefined && s("circle", { class: row.bad ? "sent bad" : "sent",
    cx: percent(row.at), cy: ROW / 2, r: 6 }, s("title", {}, row.note)));
}

/** The whole picture; `actions` gives what else stands in the row of a step. */
export function timeline(job, now, actions) {
  const origin = Date.parse(job.received);
  const rows = rowsOf(job, now);
  const deadline = Math.max(0, Date.parse(job.deadline) - origin);
  const end = Math.max(1, deadline, ...rows.flatMap((row) =>
    [row.at ?? 0, ...row.bars.map((each) => each.to)]));
  const span = end * 1.02;
  const percent = (at) => `${(at / span * 100).toFixed(3)}%`;
  return h("ol", { class: "timeline" },
    h("li", { class: "scale", "aria-hidden": "true" },
      axis(span, deadline, percent)),
    rows.map((row) => h("li", { "data-key": row.label },
      h("span", { class: "name" }, row.label),
      picture(row, deadline, percent, span),
      h("span", { class: "note" },
        row.status ? badge(row.status) : null,
        h("span", { class: "count" }, row.due === null || row.due === undefined
          ? row.note : `again in ${duration(row.due)}`),
        row.status ? actions(row) : null),
      row.why ? h("p", { class: "why" }, row.why) : null)));
}
