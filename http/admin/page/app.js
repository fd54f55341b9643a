// Which view is shown, and when it is loaded and drawn again.

import { get, onTokenWanted, serverNow } from "./api.js";
import { connections } from "./connections.js";
import { askToken } from "./dialogs.js";
import { h, morph } from "./dom.js";
import { flows } from "./flows.js";
import { job } from "./job.js";
import { jobs } from "./jobs.js";
import { watch } from "./live.js";
import { overview } from "./overview.js";
import { supervision } from "./supervision.js";
import { webhooks } from "./webhooks.js";

const MOVE_MS = 500;
const LOOK_MS = 5_000;

const root = document.getElementById("content");
const link = document.getElementById("link");
const said = document.getElementById("said");

/** What is shown: a view with its parameters, and what it has loaded. */
let shown = null;

let saying = null;

/** Tells it to everybody, for as long as it takes to read. */
function say(text, tone = "") {
  // The same text once more is news, too.
  said.textContent = "";
  clearTimeout(saying);
  setTimeout(() => {
    said.textContent = text;
    said.className = `said ${tone}`;
  });
  saying = setTimeout(() => { said.textContent = ""; }, 10_000);
}

function route() {
  const [path, search = ""] = location.hash.replace(/^#/, "").split("?");
  const params = Object.fromEntries(new URLSearchParams(search));
  const parts = path.split("/").filter(Boolean);
  if (parts[0] === "jobs" && parts[1]) {
    try {
      return { view: job, params: { id: decodeURIComponent(parts[1]) } };
    } catch {
      return { view: job, params: { id: parts[1] } };
    }
  }
  if (parts[0] === "jobs") return { view: jobs, params };
  for (const view of [flows, connections, webhooks, supervision])
    if (parts[0] === view.view) return { view, params };
  return { view: overview, params };
}

function draw(of) {
  if (of !== shown || of.data === null) return;
  morph(root, of.view.draw(of.data, of.params, serverNow()).flat()
    .filter(Boolean));
  of.view.drawn?.(root, of.params);
}

async function load(of) {
  if (of.loading) {
    of.again = true;
    return;
  }
  of.loading = true;
  try {
    of.data = await of.view.load(of.params);
    draw(of);
  } catch (error) {
    if (of === shown && of.data === null)
      morph(root, [h("h1", {}, of.view.title(of.params)),
        h("p", { class: "card problem", role: "alert" }, error.message)]);
  }
  of.loading = false;
  if (of.again && of === shown) {
    of.again = false;
    await load(of);
  }
}

// A burst of events is one look.
function loadSoon(of) {
  of.timer ??= setTimeout(() => {
    of.timer = null;
    if (of === shown) load(of);
  }, of.view.gatherMs);
}

async function open() {
  const isFirst = shown === null;
  const before = shown;
  const next = { ...route(), data: null, timer: null,
    loading: false, again: false };
  shown = next;
  document.title = `${next.view.title(next.params)} · Handoff`;
  for (const each of document.querySelectorAll("nav [data-view]"))
    if (each.dataset.view === next.view.view)
      each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  await load(next);
  // As a new document would: but a filter that was set keeps the focus.
  if (!isFirst && shown === next && before.view !== next.view) {
    scrollTo(0, 0);
    root.focus({ preventScroll: true });
  }
}

root.addEventListener("click", async ({ target }) => {
  const element = target.closest("[data-do]");
  const of = shown;
  if (!element || !of) return;
  try {
    if (await of.view.actions[element.dataset.do]({
      params: of.params, data: of.data, root, say, element }) && of === shown)
      load(of);
  } catch (error) {
    say(error.message, "bad");
  }
});

async function submitted(form) {
  try {
    await shown.view.forms[form.dataset.form]({ form,
      go: (hash) => { location.hash = hash; } });
  } catch (error) {
    say(error.message, "bad");
  }
}

root.addEventListener("submit", (event) => {
  event.preventDefault();
  submitted(event.target);
});

root.addEventListener("change", ({ target }) => {
  if (target.matches("select") && target.form?.dataset.form)
    submitted(target.form);
  else if (target.matches("input[type=checkbox]"))
    shown?.view.picked?.(root, target);
});

document.querySelector(".skip").addEventListener("click", (event) => {
  // Its fragment would be taken for a view.
  event.preventDefault();
  root.focus();
});

addEventListener("hashchange", open);

setInterval(() => {
  if (shown?.data && shown.view.isMoving?.(shown.data)) draw(shown);
}, MOVE_MS);

/** Some views change without an event, or some of what they may show does. */
function changesSilently({ view, data }) {
  const says = view.changesSilently;
  return typeof says === "function" ? Boolean(data) && says(data) : says;
}

setInterval(() => {
  if (shown && changesSilently(shown) && !document.hidden) loadSoon(shown);
}, LOOK_MS);

const banner = document.getElementById("banner");

/** Whatever one looks at: that nothing can be journaled is told. */
async function lookAtJournal() {
  if (document.hidden) return;
  try {
    const { journal } = await get("supervisor");
    banner.hidden = journal.state === "commits";
    banner.textContent = banner.hidden ? "" : "The journal cannot commit, and "
      + `every webhook is refused with 503: ${journal.why}`;
  } catch { /* that nobody answers is told elsewhere */ }
}

setInterval(lookAtJournal, LOOK_MS);

/** A service without connections has no such page. */
async function findConnections() {
  const link = document.querySelector("nav [data-view=connections]");
  try {
    const { connections: list } = await get("connections");
    link.hidden = list.length === 0;
  } catch {
    link.hidden = true;
  }
}

onTokenWanted(askToken);
open().then(() => { lookAtJournal(); findConnections(); });

const words = { live: "Live", lost: "Not connected", paused: "Paused" };

const listener = {
  state(name) {
    link.className = `link ${name}`;
    link.textContent = words[name];
    // What happened until now was not heard of.
    if (name === "live" && shown) loadSoon(shown);
  },
  told(event, data) {
    if (event === "supervision" && data.what?.startsWith("journal-"))
      lookAtJournal();
    if (shown?.view.wants(event, data, shown.params)) loadSoon(shown);
  },
};

// A browser has six connections for one service: tabs that nobody sees must not
// hold them all.
let followed = null;

function follow() {
  followed?.abort();
  followed = null;
  if (document.hidden) {
    listener.state("paused");
    return;
  }
  followed = new AbortController();
  watch(listener, followed.signal);
}

document.addEventListener("visibilitychange", follow);
follow();
