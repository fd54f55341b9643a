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

function tiles({ minutes, ambiguous }) {
  const of = (name) => minutes.map((each) => each[name]);
  const inTime = sum(minutes, "in_time");
  const late = sum(minutes, "late");
  const refused = sum(minutes, "refused");
  const failed = sum(minutes, "unsuccessful");
  // Webhooks that were somebody's mistake (4xx) are not counted.
  const wanted = inTime + late + refused + failed;
  // The last minute that is whole.
  const rate = minutes.at(-2)?.accepted ?? 0;
  const share = wanted === 0 ? "–"
    : `${(Math.floor(inTime / wanted * 1000) / 10)
      .toFixed(1).replace(/\.0$/, "")} %`;
  return h("ul", { class: "tiles" },
    tile({ name: "Jobs a minute", value: number(rate),
      note: `${number(sum(minutes, "accepted"))} in the last hour`,
      values: of("accepted"), what: "Jobs", tone: "busy", href: "#/jobs" }),
    tile({ name: "Answered in time", value: share,
      note: [`${number(inTime)} of ${number(wanted)}`,
        late ? `${number(late)} late` : "",
        refused ? `${number(refused)} refused` : "",
        failed ? `${number(failed)} failed` : ""].filter(Boolean).join(", "),
      values: of("in_time"),
      what: "Answers in time", tone: "ok" }),
    tile({ name: "Retries", value: number(sum(minutes, "retries")),
      note: "attempts to be made again", values: of("retries"), tone: "warn" }),
    tile({ name: "Failed", value: number(sum(minutes, "failed")),
      note: "jobs in the last hour", values: of("failed"),
      what: "Failed jobs", tone: "bad", href: "#/jobs?status=failed" }),
    tile({ name: "Ambiguous",
      value: number(ambiguous) + (ambiguous >= 1000 ? " or more" : ""),
      note: ambiguous === 0 ? "nobody has to decide"
        : ambiguous === 1 ? "waits for a person now" : "wait for a person now",
      values: of("ambiguous"), what: "Jobs that became ambiguous",
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
    h("h2", { id: "needed" }, "Needs attention"),
    list.length === 0
      ? h("p", { class: "empty" }, "No job has failed or is ambiguous.")
      : h("ul", { class: "short" }, list.map((each) => h("li",
        { "data-key": each.job }, badge(each.status),
        h("a", { class: "id", href: `#/jobs/${encodeURIComponent(each.job)}` },
          each.job),
        h("span", {}, each.title ?? each.flow), h("span", { class: "faint" },
          time(each.received)),
        each.error ? h("span", { class: "why" }, each.error) : null))));
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
    // The count of the service is some seconds old.
    return { minutes: hour.minutes, tree, waiting: waiting.jobs,
      failed: failed.jobs,
      ambiguous: waiting.next ? Math.max(hour.ambiguous_now, 6)
        : waiting.jobs.length };
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
