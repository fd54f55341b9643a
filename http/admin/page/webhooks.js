// Webhooks that became no job: from whom, why, and what was in them.

import { get, query } from "./api.js";
import { h } from "./dom.js";
import { time } from "./text.js";

const OUTCOMES = ["bad-signature", "malformed", "refused", "unknown-flow",
  "ignored", "handshake"];

function row(each, at) {
  const fields = each.headers.map(({ name, value }) => `${name}: ${value}`)
    .join("\n");
  return h("section", { class: "card", "data-key": `${each.at} ${at}`,
    "aria-label": `${each.outcome} ${each.flow} ${each.at}` },
  h("p", { class: "headline" },
    h("span", { class: "badge" }, each.outcome), h("strong", {}, each.flow),
    h("span", {}, `answered ${each.status}`), time(each.at),
    each.remote ? h("span", { class: "faint" }, `from ${each.remote}`) : null),
  h("p", { class: "what" }, each.detail),
  h("details", {}, h("summary", {}, "Headers and body"),
    h("pre", { tabindex: "0", role: "region", "aria-label": "Headers and body" },
      `${fields}\n\n${each.body}`)));
}

export const webhooks = {
  view: "webhooks",
  gatherMs: 1000,
  title: () => "Webhooks that became no job",
  wants: () => false,
  changesSilently: true,
  load: (params) => get(`webhooks${query({ flow: params.flow,
    outcome: params.outcome, limit: "100" })}`),

  draw: (data) => [
    h("h1", {}, "Webhooks that became no job"),
    h("form", { class: "filters", "data-form": "filter", role: "search",
      "aria-label": "Filter webhooks" },
    h("label", {}, h("span", {}, "Why"),
      h("select", { name: "outcome" }, h("option", { value: "" }, "all"),
        OUTCOMES.map((each) => h("option", { value: each }, each)))),
    h("button", { type: "submit" }, "Show")),
    h("p", { class: "faint" }, "The newest 100 of at most 1,000 that are kept "
      + "in memory, with secrets masked."),
    data.webhooks.length === 0
      ? h("p", { class: "card empty" }, "None in this run of the service.")
      : data.webhooks.map(row),
  ],

  drawn(root, params) {
    const chosen = root.querySelector("select[name=outcome]");
    if (chosen !== document.activeElement) chosen.value = params.outcome ?? "";
  },

  forms: {
    async filter({ form, go }) {
      go(`#/webhooks${query(Object.fromEntries(new FormData(form)))}`);
    },
  },
};
