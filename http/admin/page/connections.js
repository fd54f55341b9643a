// The upstreams that connections.json describes. What the service says of each
// is shown, whatever it is.

import { get } from "./api.js";
import { h } from "./dom.js";
import { time, uidText, writeJson } from "./text.js";

const TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/;

/** The members of an object, with those of objects in it under both names. */
const members = (of, before = "") => Object.entries(of).flatMap(
  ([key, value]) => value && typeof value === "object" && !Array.isArray(value)
    ? members(value, `${before}${key} `) : [[`${before}${key}`, value]]);

function shown(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "string")
    return TIME.test(value) ? time(value) : value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? writeJson(value) : uidText(value);
}

function card(each, at) {
  const name = String(each.name ?? at);
  return h("section", { class: "card", "data-key": name,
    "aria-label": `Connection ${name}` },
  h("h2", {}, name),
  h("dl", { class: "facts" }, members(each)
    .filter(([key]) => key !== "name")
    .map(([key, value]) => h("div", {},
      h("dt", {}, key.replaceAll("_", " ")),
      h("dd", { class: key.includes("error") && value ? "why" : "" },
        shown(value))))));
}

export const connections = {
  view: "connections",
  gatherMs: 1000,
  title: () => "Connections",
  wants: (event) => ["lagged", "breaker"].includes(event),
  changesSilently: true,
  load: () => get("connections"),

  draw: (data) => [
    h("h1", {}, "Connections"),
    data.connections.length === 0 ? h("p", { class: "card empty" },
      "connections.json describes none.") : data.connections.map(card),
  ],
};
