// One job: its timeline, every attempt, what came in, and what can be done.

import { get, post } from "./api.js";
import { asCurl, callers, calls } from "./calls.js";
import { confirm, resolve } from "./dialogs.js";
import { h } from "./dom.js";
import { badge, duration, isFinal, time, uidText } from "./text.js";
import { found, inquiryLabel, outcome, stepsOf, timeline }
  from "./timeline.js";

const path = (id, verb = "") =>
  `jobs/${encodeURIComponent(id)}${verb ? `/${verb}` : ""}`;

function fact(name, ...value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
}

function facts(job) {
  return h("dl", { class: "facts" },
    fact("Flow", h("a", { href: `#/jobs?flow=${encodeURIComponent(job.flow)}` },
      job.flow)),
    fact("UID", h("code", {}, uidText(job.uid) || "not known")),
    fact("Received", time(job.received)),
    fact("Finished", job.finished
      ? [time(job.finished), " ", h("span", {}, `after ${duration(
        Date.parse(job.finished) - Date.parse(job.received))}`)] : "not yet"),
    fact("Reply", job.reply === null ? "none yet"
      : `${job.reply.status} after ${duration(job.reply.after_ms)}`
        + (job.reply.written ? "" : ", the sender had gone")),
    fact("Trace", h("code", {}, job.trace_id)));
}

const attemptRow = (label, [counted, number], each, word, what) => h("tr", {},
  h("th", { scope: "row" }, label),
  h("td", { class: "count", "data-name": counted }, number),
  h("td", { "data-name": "Started" }, time(each.started)),
  h("td", { class: "count", "data-name": "Took" },
    each.duration_ms === null ? "" : duration(each.duration_ms)),
  h("td", { class: "count", "data-name": "HTTP" }, each.http_status ?? ""),
  h("td", { "data-name": "Outcome" }, word),
  h("td", { class: "what" }, what),
  h("td", { class: "faint", "data-name": "Actor" }, each.worker));

function attempts(job) {
  const rows = stepsOf(job).flatMap((step) => [
    ...step.attempts.map((each, at) => attemptRow(step.label,
      ["Attempt", each.number], each,
      outcome(each, step.status === "running"
        && at === step.attempts.length - 1), each.error ?? "")),
    ...step.inquiries.map((each) => attemptRow(inquiryLabel(step, each),
      ["Asked", each.count], each, each.finding,
      [found(each), each.error].filter(Boolean).join("; ")))]);
  return h("section", { class: "card", "aria-labelledby": "attempts" },
    h("h2", { id: "attempts" }, "Attempts"),
    rows.length === 0 ? h("p", { class: "empty" }, "None has begun.")
      : h("div", { class: "scroll", tabindex: "0", role: "region",
          "aria-label": "Table of attempts" },
      h("table", { class: "attempts" },
        h("thead", {}, h("tr", {}, ["Step", "#", "Started", "Took", "HTTP",
          "Outcome", "Error", "Actor"].map((each) =>
          h("th", { scope: "col" }, each)))),
        h("tbody", {}, rows))));
}

function request(job) {
  const pairs = (list) => list.map(({ name, value }) => `${name}: ${value}`)
    .join("\n");
  const part = (name, text) => text ? [h("h3", {}, name),
    h("pre", { tabindex: "0", role: "region", "aria-label": name }, text)] : [];
  return h("details", { class: "card" },
    h("summary", {}, "The webhook as it came in"),
    part("Headers", pairs(job.request.headers)),
    part("Query", pairs(job.request.query)),
    part(job.request.truncated ? "Body, its first 64 KiB" : "Body",
      job.request.raw));
}

function buttons(job) {
  const list = [];
  if (job.can.resolve)
    list.push(h("button", { "data-do": "resolve", class: "primary" },
      "Resolve…"));
  if (job.can.retry)
    list.push(h("button", { "data-do": "retry", class: "primary" }, "Retry…"));
  if (job.can.retry_current)
    list.push(h("button", { "data-do": "retryCurrent" },
      "Retry by the flow as it is now…"));
  if (job.can.cancel && !job.cancel_requested)
    list.push(h("button", { "data-do": "cancel", class: "danger" }, "Cancel…"));
  return h("div", { class: "buttons" }, list);
}

/** A page that did not come by HTTPS or from this machine has no clipboard. */
async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = h("textarea", { "aria-label": "Copied text" }, text);
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  if (!isDone) throw new Error("The browser does not let it be copied.");
}

/** Steps that wait for their turn at an upstream. */
const waiting = (job) => job.waiting.length === 0 ? null
  : h("ul", { class: "waiting" }, job.waiting.map((each) => h("li", {},
    `${each.step} waits for ${each.upstream} since `,
    h("time", { datetime: each.since }, each.since))));

const again = (job) => (row) => row.kind === "sub-action"
  && job.can.retry_sub_actions.includes(row.name)
  ? h("button", { class: "small", "data-do": "retryOne", "data-name": row.name,
      "aria-label": `Retry ${row.name}…` }, "Retry…") : null;

export const job = {
  view: "jobs",
  gatherMs: 100,
  title: (params) => `Job ${params.id}`,
  load: (params) => get(`${path(params.id)}?requests=1`),
  wants: (event, data, params) => event === "lagged" || data.job === params.id,
  // Bars of what is under way grow.
  isMoving: (data) => !isFinal(data.status) || data.callbacks.some((each) =>
    ["running", "retrying"].includes(each.status)),

  // What is asked while a job waits is no event.
  changesSilently: (data) => data.status === "cloning"
    || data.sub_actions.some((each) => each.wait_ends
      && each.status === "retrying"),

  draw: (data, params, now) => [
    h("p", { class: "back" }, h("a", { href: "#/jobs" }, "Jobs")),
    h("div", { class: "headline" },
      h("h1", {}, h("span", { class: "faint" }, "Job "),
        h("span", { class: "id" }, data.job)),
      badge(data.status), buttons(data)),
    data.title ? h("p", { class: "title" }, data.title) : null,
    data.clone.error ? h("p", { class: "why" }, data.clone.error) : null,
    facts(data),
    h("section", { class: "card", "aria-labelledby": "timeline" },
      h("h2", { id: "timeline" }, "Timeline"),
      timeline(data, now, again(data)),
      waiting(data)),
    calls(data),
    attempts(data),
    request(data),
  ],

  actions: {
    retry: ({ params, say }) => confirm({
      title: "Retry this job?",
      text: "What did not succeed is begun again: its clone, if there is no "
        + "UID, else the sub-actions that failed or were cancelled. What has "
        + "succeeded is not called again.",
      yes: "Retry",
      act: () => post(path(params.id, "retry")),
    }).then((done) => done && say("The job is tried again.")),

    retryCurrent: ({ params, say }) => confirm({
      title: "Retry by the flow as it is now?",
      text: "The job follows the flow that is in force, from now on. "
        + "Sub-actions that have succeeded stay, by name; the rest is begun as "
        + "the flow says now.",
      yes: "Retry",
      act: () => post(`${path(params.id, "retry")}?definition=current`),
    }).then((done) => done && say("The job is tried again.")),

    async copyCurl({ data, element, say }) {
      const step = callers(data).find((each) =>
        each.label === element.dataset.name);
      await copy(asCurl(step.request));
      say("Copied. Secrets are not in it: set them in the shell.");
      return false;
    },

    retryOne: ({ params, say, element }) => confirm({
      title: `Retry ${element.dataset.name}?`,
      text: "This sub-action is begun again, and nothing else of the job.",
      yes: "Retry",
      act: () => post(path(params.id, "retry")
        + `?sub_action=${encodeURIComponent(element.dataset.name)}`),
    }).then((done) => done && say(`${element.dataset.name} is tried again.`)),

    cancel: ({ params, say }) => confirm({
      title: "Cancel this job?",
      text: "Nothing more of it is begun. What is under way ends as it ends, "
        + "and what was done stays done.",
      yes: "Cancel the job",
      no: "Keep the job",
      tone: "danger",
      act: () => post(path(params.id, "cancel")),
    }).then((done) => done && say("The job is cancelled.")),

    resolve: ({ params, say }) => resolve((body) =>
      post(path(params.id, "resolve"), body))
      .then((done) => done && say("The clone is settled.")),
  },
};
