// How it goes: the last hour, what is under way, and who needs a person.

import { get } from "./api.js";
import { h } from "./dom.js";
import { meter, minuteBars } from "./plot.js";
import { badge, number, time } from "./text.js";
import { upstreamTable } from "./supervision.js";

const sum = (minutes, name) =>
  minutes.reduce((total, each) => total + each[name], 0);

function tile({ name, value, note, values, what, tone, href }) {
  return h("li", { class: "tile", "data-key": name },
    h("h2", {}, href ? h("a", { href }, name) : name),
    h("p", { class: "value" }, value),
    h("p", { class: "note" }, note),
    minuteBars(values, what ?? name, tone));
}

function tiles({ minutes, waiting }) {
  const of = (name) => minutes.map((each) => each[name]);
  const answered = sum(minutes, "answered");
  const late = sum(minutes, "late");
  const refused = sum(minutes, "refused");
  // The last minute that is whole.
  const rate = minutes.at(-2)?.accepted ?? 0;
  const share = answered === 0 ? "–"
    : `${(Math.floor((answered - late) / answered * 1000) / 10)
      .toFixed(1).replace(/\.0$/, "")} %`;
  return h("ul", { class: "tiles" },
    tile({ name: "Jobs a minute", value: number(rate),
      note: `${number(sum(minutes, "accepted"))} in the last hour`,
      values: of("accepted"), what: "Jobs", tone: "busy", href: "#/jobs" }),
    tile({ name: "Answered in time", value: share,
      note: `${number(answered)} answered, ${number(late)} late`
        + (refused ? `, ${number(refused)} refused` : ""),
      values: minutes.map((each) => each.answered - each.late),
      what: "Answers in time", tone: "ok" }),
    tile({ name: "Retries", value: number(sum(minutes, "retries")),
      note: "attempts to be made again", values: of("retries"), tone: "warn" }),
    tile({ name: "Failed", value: number(sum(minutes, "failed")),
      note: "jobs in the last hour", values: of("failed"),
      what: "Failed jobs", tone: "bad", href: "#/jobs?status=failed" }),
    tile({ name: "Ambiguous", value: number(sum(minutes, "ambiguous")),
      note: waiting.length === 0 ? "nobody has to decide"
        : "wait for a person", values: of("ambiguous"), what: "Ambiguous jobs",
      tone: "warn", href: "#/jobs?status=ambiguous" }),
    tile({ name: "Restarts", value: number(sum(minutes, "restarts")),
      note: "by supervisors", values: of("restarts"),
      what: "Restarts of actors", tone: "warn", href: "#/supervision" }));
}

function limits(tree) {
  const one = (name, value, limit) => h("div", {},
    h("dt", {}, name),
    h("dd", {}, h("span", { class: "count" }, number(value),
      h("span", { class: "faint" }, ` of ${number(limit)}`)),
    meter(value, limit, name)));
  const { admission, journal } = tree;
  return h("section", { class: "card", "aria-labelledby": "now" },
    h("h2", { id: "now" }, "Under way"),
    h("dl", { class: "meters" },
      one("Senders that wait", admission.held, admission.max_held),
      one("Unfinished jobs", admission.jobs, admission.max_jobs)),
    h("p", { class: "line" }, "Journal ", badge(journal.state),
      journal.why ? h("span", { class: "why" }, ` ${journal.why}`) : null),
    tree.draining ? h("p", { class: "line" }, "The service drains: it takes no "
      + "new webhooks.") : null);
}

function needed({ waiting, failed }) {
  const list = [...waiting, ...failed];
  return h("section", { class: "card", "aria-labelledby": "needed" },
    h("h2", { id: "needed" }, "Wants a look"),
    list.length === 0
      ? h("p", { class: "empty" }, "No job has failed or is ambiguous.")
      : h("ul", { class: "short" }, list.map((each) => h("li",
        { "data-key": each.job }, badge(each.status),
        h("a", { class: "id", href: `#/jobs/${encodeURIComponent(each.job)}` },
          each.job),
        h("span", {}, each.flow), h("span", { class: "faint" },
          time(each.received))))));
}

export const overview = {
  view: "overview",
  gatherMs: 1000,
  title: () => "Overview",
  wants: () => true,
  // Calls begin and end without an event.
  changesSilently: true,

  async load() {
    const [hour, tree, waiting, failed] = await Promise.all([
      get("overview"), get("supervisor"), get("jobs?status=ambiguous&limit=5"),
      get("jobs?status=failed&limit=5")]);
    return { minutes: hour.minutes, tree, waiting: waiting.jobs,
      failed: failed.jobs };
  },

  draw: (data) => [
    h("h1", {}, "Overview"),
    tiles(data),
    h("div", { class: "columns" }, limits(data.tree), needed(data)),
    h("section", { class: "card", "aria-labelledby": "upstreams" },
      h("h2", { id: "upstreams" }, "Upstreams"),
      upstreamTable(data.tree.upstreams)),
  ],
};
