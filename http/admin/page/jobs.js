// The list of jobs: filters, search, pages.

import { get, post, Problem, query } from "./api.js";
import { confirm } from "./dialogs.js";
import { h } from "./dom.js";
import { badge, duration, number, time, uidText } from "./text.js";

const STATUSES = ["cloning", "running", "succeeded", "failed", "cancelled",
  "ambiguous"];
const SPANS = { "15m": [15 * 60, "the last 15 minutes"],
  "1h": [3600, "the last hour"], "24h": [24 * 3600, "the last 24 hours"],
  "7d": [7 * 24 * 3600, "the last 7 days"] };
const PAGE = 50;
const JOB_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

const apiQuery = (params) => query({
  flow: params.flow, status: params.status, uid: params.uid,
  search: params.search,
  since: Object.hasOwn(SPANS, params.since ?? "")
    ? String(Math.floor(Date.now() / 1000) - SPANS[params.since][0]) : "",
  cursor: params.cursor, limit: String(PAGE) });

function select(name, label, all, options) {
  return h("label", {}, h("span", {}, label),
    h("select", { name },
      h("option", { value: "" }, all),
      options.map(([value, text]) => h("option", { value }, text))));
}

function filters(flows) {
  return h("form", { class: "filters", "data-form": "filter", role: "search",
    "aria-label": "Filter jobs" },
  h("label", { class: "wide" }, h("span", {}, "Title, UID or job id"),
    h("input", { type: "search", name: "search", autocomplete: "off",
      spellcheck: "false", placeholder: "any part of it" })),
  select("flow", "Flow", "all", flows.map((each) => [each, each])),
  select("status", "Status", "all", STATUSES.map((each) => [each, each])),
  select("since", "Received", "at any time", Object.entries(SPANS)
    .map(([value, [, text]]) => [value, text])),
  h("button", { type: "submit" }, "Search"));
}

/** A cancelled clone may have been sent: without a UID it is not retried. */
const canRetry = (each) => each.status === "failed"
  || (each.status === "cancelled" && each.uid !== null);

const pickedIn = (root) =>
  [...root.querySelectorAll("input[name=pick]:checked")]
    .map((each) => each.value);

/** What can be done to many. */
const many = (data) => !data.jobs.some(canRetry) ? null
  : h("div", { class: "buttons many", "data-key": "many" },
    h("label", { class: "choice" },
      h("input", { type: "checkbox", name: "all" }),
      "Select all that can be retried"),
    h("button", { "data-do": "retryMany", disabled: true, class: "primary" },
      "Retry selected…"));

function row(each, now) {
  const took = (each.finished ? Date.parse(each.finished) : now)
    - Date.parse(each.received);
  return h("tr", { "data-key": each.job },
    h("td", { class: "pick" }, canRetry(each)
      ? h("input", { type: "checkbox", name: "pick", value: each.job,
        "aria-label": `Select ${each.job}` }) : null),
    h("td", {}, badge(each.status)),
    h("th", { scope: "row" }, h("a", { class: "id",
      href: `#/jobs/${encodeURIComponent(each.job)}` }, each.job),
    each.title ? h("div", { class: "title" }, each.title) : null,
    each.error ? h("div", { class: "why" }, each.error) : null),
    h("td", { "data-name": "Flow", class: "short-text", title: each.flow },
      each.flow),
    h("td", { "data-name": "UID", class: "short-text",
      title: uidText(each.uid) }, uidText(each.uid)),
    h("td", { "data-name": "Received" }, time(each.received)),
    h("td", { "data-name": "Took", class: "count" },
      each.finished ? duration(took) : ""));
}

function pages(data, params) {
  const { cursor, ...first } = params;
  return h("nav", { class: "pages", "aria-label": "Pages" },
    cursor ? h("a", { href: `#/jobs${query(first)}` }, "Newest") : null,
    data.next ? h("a", { href: `#/jobs${query({ ...first,
      cursor: data.next })}` }, "Older") : null);
}

export const jobs = {
  view: "jobs",
  gatherMs: 400,
  title: () => "Jobs",
  // A page of the past stays as it is.
  wants: (event, data, params) => event === "lagged"
    || (event === "job" && !params.cursor),

  async load(params) {
    const [page, flows] = await Promise.all([
      get(`jobs${apiQuery(params)}`), get("flows")]);
    const names = new Set(flows.flows.map((each) => each.name));
    if (params.flow) names.add(params.flow);
    return { ...page, flows: [...names].sort() };
  },

  draw: (data, params, now) => [
    h("h1", {}, "Jobs"),
    filters(data.flows),
    many(data),
    data.jobs.length === 0
      ? h("p", { class: "card empty", "data-key": "none" }, data.next
        ? "None of the newest jobs match. Older ones have not been searched yet."
        : "No jobs match.")
      : h("div", { class: "card list", "data-key": "list" },
        h("table", { class: "jobs" },
          h("caption", { class: "hidden" }, "Jobs, newest first"),
          h("thead", {}, h("tr", {}, h("td", {}), ["Status", "Job", "Flow",
            "UID", "Received", "Took"].map((each) =>
            h("th", { scope: "col" }, each)))),
          h("tbody", {}, data.jobs.map((each) => row(each, now))))),
    pages(data, params),
  ],

  /** The form shows what is selected, but where somebody is typing. */
  drawn(root, params) {
    const form = root.querySelector("form");
    for (const name of ["flow", "status", "since"])
      if (form.elements[name] !== document.activeElement)
        form.elements[name].value = params[name] ?? "";
    if (form.elements.search !== document.activeElement)
      form.elements.search.value = params.search ?? params.uid ?? "";
    this.picked(root);
  },

  /** The button says how many there are. */
  picked(root, changed) {
    if (changed?.name === "all")
      for (const each of root.querySelectorAll("input[name=pick]"))
        each.checked = changed.checked;
    const button = root.querySelector("[data-do=retryMany]");
    if (!button) return;
    const count = pickedIn(root).length;
    button.disabled = count === 0;
    button.textContent = count === 0 ? "Retry selected…"
      : `Retry ${number(count)} selected…`;
  },

  actions: {
    async retryMany({ root, say }) {
      const wanted = pickedIn(root);
      const refused = [];
      const done = await confirm({
        title: wanted.length === 1 ? "Retry this job?"
          : `Retry ${number(wanted.length)} jobs?`,
        text: "What did not succeed of them is begun again. What has succeeded "
          + "is not called again.",
        yes: "Retry",
        act: async () => {
          for (const each of wanted)
            await post(`jobs/${encodeURIComponent(each)}/retry`)
              .catch((error) => { refused.push(`${each}: ${error.message}`); });
          return true;
        },
      });
      if (!done) return false;
      for (const each of root.querySelectorAll("input[type=checkbox]"))
        each.checked = false;
      say(`${number(wanted.length - refused.length)} of ${
        number(wanted.length)} jobs are tried again.${
        refused.map((each) => ` ${each}`).join("")}`,
      refused.length ? "bad" : "");
      return true;
    },
  },

  forms: {
    async filter({ form, go }) {
      const wanted = Object.fromEntries(new FormData(form));
      const search = wanted.search.trim();
      // A UID may look like a job's id.
      if (JOB_ID.test(search.toUpperCase())) {
        const known = await get(`jobs/${search.toUpperCase()}`)
          .catch((error) => {
            if (error instanceof Problem && error.status === 404) return null;
            throw error;
          });
        if (known) return go(`#/jobs/${known.job}`);
      }
      return go(`#/jobs${query({ search, flow: wanted.flow,
        status: wanted.status, since: wanted.since })}`);
    },
  },
};
