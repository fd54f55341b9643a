// The tree of actors as it is, and who in it had to be started again.

import { get } from "./api.js";
import { h } from "./dom.js";
import { badge, number, time } from "./text.js";

export function upstreamTable({ hosts, limits, total }) {
  if (hosts.length === 0)
    return h("p", { class: "empty" }, "No host was called in ten minutes.");
  return [
    h("div", { class: "scroll", tabindex: "0", role: "region",
      "aria-label": "Table of upstreams" },
    h("table", {},
      h("thead", {}, h("tr", {}, ["Host", "Breaker", "In flight", "Waiting",
        "Calls", "Failures"].map((each) => h("th", { scope: "col" }, each)))),
      h("tbody", {}, hosts.map((each) => h("tr", { "data-key": each.host },
        h("th", { scope: "row", class: "what" }, each.host),
        h("td", {}, badge(each.breaker.state), each.breaker.why
          ? h("div", { class: "why" }, `${each.breaker.why}, since `,
            time(each.breaker.since)) : null),
        h("td", { class: "count" }, number(each.in_flight),
          h("span", { class: "faint" }, ` of ${number(limits.max_calls)}`)),
        h("td", { class: "count" }, number(each.waiting)),
        h("td", { class: "count" }, number(each.calls)),
        h("td", { class: "count" }, number(each.failures))))))),
    hosts.length < total ? h("p", { class: "faint" },
      `${number(total - hosts.length)} more are not shown.`) : null,
  ];
}

function actor(name, what, { restarts, state, busy, children = [] }) {
  return h("li", { "data-key": name },
    h("div", { class: `actor ${state ?? (restarts > 0 ? "warn" : "")}` },
      h("strong", {}, name),
      h("span", {}, what),
      busy === undefined ? null
        : h("span", { class: "count" }, `${number(busy)} under way`),
      restarts === undefined ? null
        : h("span", { class: "count" }, restarts === 1 ? "1 restart"
          : `${number(restarts)} restarts`)),
    children.length ? h("ul", {}, children) : null);
}

function picture({ restarts, under_way: busy, journal, recovery, upstreams,
  quarantined, draining }) {
  const open = upstreams.hosts.filter((each) =>
    each.breaker.state !== "closed").length;
  return h("ul", { class: "tree", "aria-label": "Supervision tree" },
    actor("guardian", draining ? "drains" : "watches all of them", { children: [
      actor("root supervisor", "one for all jobs", { children: [
        actor("clones", "one a webhook", {
          busy: busy.clones, restarts: restarts.clones }),
        actor("job supervisors", "one a job", {
          busy: busy.jobs, restarts: restarts.job_supervisors, children: [
            actor("sub-actions", quarantined.total === 0 ? "a pool a job"
              : `${number(quarantined.total)} quarantined`, {
              restarts: restarts.sub_actions,
              state: quarantined.total > 0 ? "bad" : undefined }),
          ] }),
      ] }),
      actor("journal keeper", journal.state === "commits" ? "commits"
        : "cannot commit", {
        state: journal.state === "commits" ? undefined : "bad" }),
      actor("outbound", open === 0 ? "every breaker is closed"
        : open === 1 ? "1 breaker is not closed"
          : `${number(open)} breakers are not closed`, {
        state: open > 0 ? "warn" : undefined }),
      actor("recovery", !recovery.done ? "takes up old jobs"
        : `took up ${number(recovery.jobs)}`, {
        state: recovery.set_aside > 0 ? "bad" : undefined }),
    ] }));
}

function quarantine({ newest, total }) {
  return h("section", { class: "card", "aria-labelledby": "quarantine" },
    h("h2", { id: "quarantine" }, "Quarantine"),
    newest.length === 0 ? h("p", { class: "empty" },
      "Nothing was given up because it ended its actor too often.")
      : [h("ul", { class: "short" }, newest.map((each) => h("li", {},
        h("a", { class: "id", href: `#/jobs/${encodeURIComponent(each.job)}` },
          each.job),
        h("strong", {}, each.sub_action ?? "clone"),
        h("span", { class: "why" }, each.why),
        h("span", { class: "faint" }, time(each.at))))),
      total > newest.length ? h("p", { class: "faint" },
        `${number(total - newest.length)} older ones are not shown.`) : null]);
}

export const supervision = {
  view: "supervision",
  gatherMs: 400,
  title: () => "Supervision",
  wants: (event) => ["lagged", "supervision", "breaker"].includes(event),
  changesSilently: true,
  load: () => get("supervisor"),

  draw: (tree) => [
    h("h1", {}, "Supervision"),
    h("p", { class: "faint" }, "This run of the service, since ",
      time(tree.started), "."),
    h("section", { class: "card", "aria-labelledby": "tree" },
      h("h2", { id: "tree" }, "Who restarts whom"),
      h("div", { class: "scroll", tabindex: "0", role: "region",
        "aria-label": "Tree of actors" }, picture(tree))),
    quarantine(tree.quarantined),
    h("section", { class: "card", "aria-labelledby": "upstreams" },
      h("h2", { id: "upstreams" }, "Upstreams"),
      upstreamTable(tree.upstreams)),
  ],
};
