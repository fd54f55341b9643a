// A fake API, a service in front of it and a browser that looks at it: real
// programs, on free ports, in a folder of their own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync }
  from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const axe = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PATIENCE = 20_000;

const env = (name) => {
  assert.ok(process.env[name], `${name} is not set; run tools/page_test.sh`);
  return process.env[name];
};

export const pictures = env("PAGE_PICTURES");

/** Waits until `look` gives something true, and gives that. */
export async function eventually(look, what = look.toString()) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `not in time: ${what}`);
    await new Promise((done) => { setTimeout(done, 20); });
  }
}

/** A program that says on `stream` where it listens. */
async function start(program, args, stream, words, options = {}) {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"], ...options });
  let said = "";
  for (const each of ["stdout", "stderr"])
    child[each].on("data", (bytes) => { said += bytes; });
  const port = (text) =>
    new RegExp(`${text} 127\\.0\\.0\\.1:(\\d+)`).exec(said)?.[1];
  await eventually(() => {
    assert.equal(child.exitCode, null, said);
    return words.every(port);
  }, `${program} starts`);
  return { child, ports: words.map(port), said: () => said };
}

async function stop({ child }, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

const slow = (ms, more = {}) => ({ delay: `${ms}ms`, ...more });

// What the API does depends on the template that is cloned: its UIDs begin
// with it.
const script = [
  { method: "POST", path: "/projects/held/clone",
    steps: [{ fault: "hang" }] },
  { method: "POST", path: "/projects/lost/clone",
    steps: [{ fault: "reset" }] },
  { method: "POST", path: "/projects/hostile/clone", steps: [{ status: 201,
    body: { id: "<img src=x onerror=\"window.hacked=1\">" } }] },
  { method: "POST", path: "/projects/quick/clone",
    steps: [{ status: 201, body: { id: "quick-{{seq}}" } }] },
  { method: "POST", path: "/projects/*/clone",
    steps: [slow(320, { status: 201, body: { id: "plan-{{seq}}" } })] },
  { path: "/projects/*/labels", per: "key", steps: [
    slow(60, { status: 503 }), slow(80, { status: 503 }), slow(90)] },
  { path: "/projects/*/team", per: "path",
    steps: [slow(40, { status: 422,
      body: { error: { code: "unknown_team", message: "no such team" },
        sent: "Bearer of-the-api" } }), {}] },
  { path: "/projects/*/never", steps: [{ status: 503 }] },
  { path: "/projects/*/graphql", steps: [{ status: 200, body: { data: null,
    errors: [{ message: "Field 'boardx' does not exist" }] } }] },
  { path: "/projects/*/members", steps: [{ status: 401, body: {
    error: "invalid_token", error_description: "The access token expired" } }] },
  { method: "POST", path: "/projects/later/clones",
    steps: [{ status: 202, body: { id: 7 } }] },
  { path: "/clones/7", steps: [{ status: 200, body: { status: "pending",
    note: "waiting for an administrator" } }] },
  { path: "/projects/*/*", steps: [slow(110)] },
];

function flows(api) {
  const call = (name) => ({ name,
    request: { method: "POST", url: `${api}/projects/{{uid}}/${name}` } });
  const team = call("team");
  team.request.headers = { Authorization: "Bearer ${env:PAGE_TOKEN}" };
  const flow = (name, subActions) => ({ name,
    clone: { request: { method: "POST",
      url: `${api}/projects/{{body/template}}/clone` }, uid: "/id" },
    sub_actions: subActions });
  return [
    { ...flow("project-setup", [call("share"), call("labels"), call("folder"),
      { ...call("file"), after: ["folder"] }, call("welcome")]),
      title: "Plan of {{body/name}}" },
    flow("board", [call("share"), team]),
    flow("import", [{ ...call("never"), retry: { first: "60s" } }]),
    flow("single", []),
    flow("graph", [{ ...call("graphql"), outcome: "graphql" }]),
    flow("locked", [call("members")]),
    { ...flow("signed", []), verify: { scheme: "hmac-sha256",
      header: "X-Signature", secret: "of-the-sender" } },
    flow("lacking", [call("share"), { name: "file", after: ["share"],
      request: { ...call("file").request, body: { in: "{{sub/share/id}}",
        team: "{{body/team}}" } } }]),
    { name: "polled", clone: {
      request: { method: "POST",
        url: `${api}/projects/{{body/template}}/clones` },
      poll: { request: { method: "GET", url: `${api}/clones/{{accepted/id}}` },
        until: { at: "/status", is: "done" }, every: "100ms", for: "700ms" },
      uid: "/id" } },
    flow("workspace", [call("share"), call("labels"), call("folder"),
      { ...call("file"), after: ["folder"] }, call("team")]),
  ];
}

export class Stand {
  #folder = mkdtempSync(join(tmpdir(), "handoff-page-"));

  static async open({ token = "" } = {}) {
    const stand = new Stand();
    try {
      await stand.#start(token);
    } catch (error) {
      await stand.close();
      throw error;
    }
    return stand;
  }

  async #start(token) {
    mkdirSync(join(this.#folder, "flows"));
    writeFileSync(join(this.#folder, "script.json"), JSON.stringify(script));
    this.api = await start(env("FAKE_API_BINARY"), ["--port=0",
      `--script=${join(this.#folder, "script.json")}`], "stdout",
    ["listening on"]);
    this.apiUrl = `http://127.0.0.1:${this.api.ports[0]}`;
    for (const each of flows(this.apiUrl))
      writeFileSync(join(this.#folder, "flows", `${each.name}.json`),
        JSON.stringify(each));
    // A deadline in the picture without waiting for it.
    writeFileSync(join(this.#folder, "handoff.ini"), `[http]
port = 0
[admin]
port = 0
${token ? `token = "${token}"` : ""}
[deadline]
limit = "2s"
margin = "200ms"
[retry]
first = "150ms"
jitter = 0.0
[upstream]
breaker-failures = 0
`);
    this.service = await start(env("HANDOFF_BINARY"),
      ["serve", `--config-file=${join(this.#folder, "handoff.ini")}`],
      "stderr", ["ingress listening on", "admin listening on"],
      { env: { ...process.env, PAGE_TOKEN: "of-the-api" } });
    const [hooks, admin] = this.service.ports;
    this.hooks = `http://127.0.0.1:${hooks}/hooks`;
    this.admin = `http://127.0.0.1:${admin}/`;
    this.token = token;
    this.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"] });
  }

  async close() {
    await this.browser?.close();
    if (this.service) await stop(this.service, "SIGKILL");
    if (this.api) await stop(this.api, "SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async ask(path, options = {}) {
    const answer = await fetch(`${this.admin}api/v1/${path}`, { ...options,
      headers: this.token ? { Authorization: `Bearer ${this.token}` } : {} });
    return answer.json();
  }

  /** Sends a webhook; the job that it made. */
  async post(flow, template, more = {}, fields = {}) {
    const answer = await fetch(`${this.hooks}/${flow}`, { method: "POST",
      headers: { "Content-Type": "application/json", ...fields },
      body: JSON.stringify({ template, ...more }) });
    const { job } = await answer.json();
    assert.ok(job, `${flow} ${template}: ${answer.status}`);
    return job;
  }

  /** The same for one that is held, which is not waited for. */
  postHeld = (flow, template) => this.post(flow, template, {},
    { Prefer: "respond-async" });

  waitFor = (job, status) => eventually(async () =>
    (await this.ask(`jobs/${job}`)).status === status, `${job} is ${status}`);

  /** A job that is already `status`. */
  async made(flow, template, status, more = {}) {
    const job = await this.post(flow, template, more);
    await this.waitFor(job, status);
    return job;
  }

  release = () => fetch(`${this.apiUrl}/_fake/release`, { method: "POST" });

  /** A page that must neither log an error nor violate its policy. */
  async page({ from = this.admin, ...options } = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1200, height: 800 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.wrongs = [];
    page.on("pageerror", (error) => page.wrongs.push(error.message));
    page.on("console", (message) => {
      // A refused token is on purpose.
      // So is to ask for connections where there are none.
      if (message.type() === "error" && !message.text().includes("401")
          && !message.location().url.endsWith("/connections"))
        page.wrongs.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(from))
        page.wrongs.push(`asked for ${request.url()}`);
    });
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    return page;
  }

  /** Goes to a view and waits until it is drawn and hears of events. */
  async show(page, hash) {
    await page.goto(this.admin + hash);
    await page.locator(".link.live").waitFor();
    await page.locator("main h1").waitFor();
    return page;
  }
}

/** Ends a page; nothing may have gone wrong on it. */
export async function leave(page) {
  assert.deepEqual(page.wrongs, []);
  await page.context().close();
}

/** What axe-core finds wrong, as "RULE: ELEMENT". */
export async function faults(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
      "best-practice"] }));
  return found.violations.flatMap((each) => each.nodes.map((node) =>
    `${each.id}: ${node.html} ${node.failureSummary}`));
}

export const picture = (page, name, more = {}) =>
  page.screenshot({ path: join(pictures, `${name}.png`), ...more });
