// The flows that are in force, and what has happened to each.

import { get, post } from "./api.js";
import { h } from "./dom.js";
import { duration, number, time, writeJson } from "./text.js";

const fact = (name, ...value) =>
  h("div", {}, h("dt", {}, name), h("dd", {}, ...value));

const times = ({ p50, p95 }) => p50 === null ? "none"
  : `${duration(p50)} / ${duration(p95)}`;

function card(flow) {
  const hour = flow.last_hour;
  const jobs = (status, count) => h("a", { href:
    `#/jobs?flow=${encodeURIComponent(flow.name)}&status=${status}` },
  `${number(count)} ${status}`);
  return h("section", { class: "card", "data-key": flow.name,
    "aria-labelledby": `flow-${flow.name}` },
  h("h2", { id: `flow-${flow.name}` }, h("a", {
    href: `#/jobs?flow=${encodeURIComponent(flow.name)}` }, flow.name)),
  h("dl", { class: "facts" },
    fact("URL for the sender", h("code", { class: "url" }, flow.url)),
    fact("Sender", flow.sender ?? "any"),
    fact("Signature", flow.verify === "none"
      ? h("span", { class: "warned" }, "none") : flow.verify),
    fact("Last webhook", flow.last_webhook ? time(flow.last_webhook)
      : "none in this run"),
    fact("Last hour", jobs("succeeded", hour.succeeded), ", ",
      jobs("failed", hour.failed)),
    fact("Clone, p50 / p95", times(hour.clone_ms)),
    fact("Reply, p50 / p95", times(hour.reply_ms)),
    fact("File", h("code", {}, flow.file ?? "not known"))),
  (flow.shown ?? []).length === 0 ? null
    : [h("h3", {}, "Values that the sender gave"),
      h("ul", { class: "short" }, flow.shown.map((each) => h("li", {},
        h("code", {}, String(each.value)),
        h("span", { class: "faint" }, time(each.at)))))],
  h("details", {}, h("summary", {}, "Definition"),
    h("pre", { tabindex: "0", role: "region",
      "aria-label": `Definition of ${flow.name}` },
    writeJson(flow.definition ?? {}, 2))));
}

export const flows = {
  view: "flows",
  gatherMs: 1000,
  title: () => "Flows",
  wants: (event) => event === "lagged" || event === "job",
  changesSilently: true,
  load: () => get("flows?definitions=1"),

  draw: (data) => [
    h("div", { class: "headline" }, h("h1", {}, "Flows"),
      h("p", { class: "faint" }, "Read ", time(data.loaded), "."),
      h("div", { class: "buttons" }, h("button", { "data-do": "reload" },
        "Reload"))),
    data.flows.length === 0 ? h("p", { class: "card empty" },
      "There are no flows: every webhook gets 404. Put a file NAME.json into "
      + "the directory of flows and reload.")
      : data.flows.map(card),
  ],

  actions: {
    async reload({ say }) {
      const made = await post("flows/reload");
      const part = (name) => made[name].length
        ? `; ${name}: ${made[name].join(", ")}` : "";
      const count = made.flows.length;
      say(`${number(count)} ${count === 1 ? "flow is" : "flows are"} in force${
        part("added")}${part("changed")}${part("removed")}.`);
      return true;
    },
  },
};

