// What each view shows, and that it is within everybody's reach.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { Stand, eventually, faults, leave, picture } from "./stand.js";

let stand;
let jobs;

before(async () => {
  stand = await Stand.open();
  const [good, failed, lost] = await Promise.all([
    stand.made("project-setup", "basic", "succeeded", { name: "Plans" }),
    stand.made("board", "basic", "failed"),
    stand.post("project-setup", "lost"),
  ]);
  jobs = { good, failed, lost };
  await Promise.all(Array.from({ length: 60 }, () =>
    stand.made("single", "quick", "succeeded")));
  // The newest, so that it leads the list.
  jobs.last = await stand.made("project-setup", "basic", "succeeded");
});

after(() => stand?.close());

const views = () => ({ overview: "#/", jobs: "#/jobs",
  failed: `#/jobs/${jobs.failed}`, good: `#/jobs/${jobs.good}`,
  ambiguous: `#/jobs/${jobs.lost}`, flows: "#/flows", webhooks: "#/webhooks",
  supervision: "#/supervision" });

const texts = (locator) => locator.allInnerTexts();

/** What can be read there, on one line. */
const words = async (locator) =>
  (await locator.innerText()).replace(/\s+/g, " ");

test("the overview has the numbers of the last hour", async () => {
  const page = await stand.show(await stand.page(), "#/");
  const value = (name) => page.locator(".tile", { has:
    page.getByRole("heading", { name, exact: true }) });
  await eventually(async () => (await words(value("Failed")))
    .includes("1 jobs in the last hour"));
  assert.match(await words(value("Jobs a minute")), /64 in the last hour/);
  assert.match(await words(value("Answered in time")), /100 % 64 of 64/);
  assert.match(await words(value("Ambiguous")), /1 waits for a person now/);
  assert.match(await words(value("Retries")), /Retries 4 /);
  assert.match(await value("Jobs a minute").locator("svg")
    .getAttribute("aria-label"), /64 in all/);
  const wanted = page.getByRole("region", { name: "Needs attention" });
  assert.equal(await wanted.getByRole("link").count(), 2);
  assert.match(await words(page.getByRole("region",
    { name: "Table of upstreams" })), new RegExp(`${stand.apiUrl} ✓ closed`));
  await leave(page);
});

test("the list is filtered, searched and paged", async () => {
  const page = await stand.show(await stand.page(), "#/jobs");
  const rows = page.locator("table.jobs tbody tr");
  const ids = () => texts(rows.locator(".id"));
  assert.equal(await rows.count(), 50);
  assert.equal((await ids())[0], jobs.last);

  await page.getByRole("link", { name: "Older" }).click();
  await eventually(async () => (await rows.count()) === 14);
  assert.ok((await ids()).includes(jobs.failed));
  await page.getByRole("link", { name: "Newest" }).click();
  await eventually(async () => (await rows.count()) === 50);

  await page.getByLabel("Status").selectOption("failed");
  await eventually(async () => (await rows.count()) === 1);
  assert.deepEqual(await ids(), [jobs.failed]);
  await page.getByLabel("Flow").selectOption("project-setup");
  await page.getByText("No jobs match.").waitFor();
  await page.getByLabel("Status").selectOption("");
  await page.getByLabel("Received").selectOption("1h");
  await eventually(async () => (await rows.count()) === 3);
  await page.goBack();
  await eventually(async () => await page.getByLabel("Received")
    .inputValue() === "");

  await page.goto(`${stand.admin}#/jobs`);
  const search = page.getByLabel("Title, UID or job id");
  const { uid } = await stand.ask(`jobs/${jobs.good}`);
  await search.fill(` ${uid} `);
  await search.press("Enter");
  await eventually(async () => (await rows.count()) === 1);
  assert.deepEqual(await ids(), [jobs.good]);
  await search.fill("plan of plans");
  await search.press("Enter");
  await page.locator("tr", { hasText: "Plan of Plans" }).waitFor();
  assert.equal(await rows.count(), 1);
  await search.fill(jobs.failed.toLowerCase());
  await page.getByRole("button", { name: "Search" }).click();
  await page.locator("h1", { hasText: jobs.failed }).waitFor();
  await leave(page);
});

test("a job has its bars, its waits, its reply and its deadline", async () => {
  const page = await stand.show(await stand.page(), `#/jobs/${jobs.good}`);
  const rows = page.locator(".timeline > li:not(.scale)");
  assert.deepEqual(await texts(rows.locator(".name")),
    ["clone", "reply", "share", "labels", "folder", "file", "welcome"]);
  const bars = (name) => rows.filter({ has:
    page.locator(".name", { hasText: name }) }).locator("svg");
  // Without the waits for a turn, which a busy machine adds.
  const classes = (name) => bars(name).locator("rect")
    .filter({ hasNotText: "for its turn" }).evaluateAll(
      (list) => list.map((each) => each.getAttribute("class")));
  assert.deepEqual(await classes("clone"), ["bar ok"]);
  assert.deepEqual(await classes("labels"),
    ["bar bad", "bar wait", "bar bad", "bar wait", "bar ok"]);
  assert.match(await bars("labels").getAttribute("aria-label"),
    /attempt 1 failed with 503 .*waited .*attempt 3 succeeded with 200/);
  assert.equal(await bars("reply").locator("circle.sent").count(), 1);
  for (const each of await bars("").all())
    assert.equal(await each.locator("line.deadline").count(), 1);
  // In order, as they are in time: what follows does not begin before.
  const box = async (name) => bars(name).locator("rect:not(.wait)").first()
    .boundingBox();
  const clone = await box("clone");
  const file = await box("file");
  const folder = await box("folder");
  assert.ok(clone.width > 20 && folder.x >= clone.x + clone.width - 2);
  assert.ok(file.x >= folder.x + folder.width - 2);

  await page.getByText("The webhook as it came in").click();
  assert.match(await page.getByRole("region", { name: "Body" }).innerText(),
    /\{"template":"basic","name":"Plans"\}/, "as its bytes came");
  await leave(page);
});

test("an error can be read where it happened", async () => {
  const page = await stand.show(await stand.page(), `#/jobs/${jobs.failed}`);
  const row = page.locator(".timeline > li", { hasText: "team" });
  assert.match(await row.locator(".why").innerText(), /status 422/);
  const cells = await texts(page.locator("tbody tr", { hasText: "team" })
    .locator("td"));
  assert.ok(cells.includes("422") && cells.includes("failed"), cells.join());
  await leave(page);
});

test("what was sent and what was answered stand side by side", async () => {
  const page = await stand.show(await stand.page(), "#/");
  const started = Date.now();
  let clicks = 0;
  const click = async (locator) => { clicks += 1; await locator.click(); };
  await click(page.getByRole("region", { name: "Needs attention" })
    .getByRole("link", { name: jobs.failed }));
  const answer = page.getByRole("region", { name: "Answer to attempt 1" });
  await answer.getByText("no such team").waitFor();
  // A person needs no more than one click to the cause.
  assert.equal(clicks, 1);
  assert.ok(Date.now() - started < 5_000);
  const request = page.getByRole("region", { name: "Request of team" });
  assert.match(await request.innerText(),
    /^POST http:.*\/team\nAuthorization: \*\*\*/);
  assert.ok(!(await page.content()).includes("of-the-api"));
  const [left, right] = [await request.boundingBox(), await answer.boundingBox()];
  assert.ok(right.x > left.x + left.width - 1, "side by side");
  await picture(page, "light-cause");
  await leave(page);
});

test("a flow has what its sender needs, and how it goes", async () => {
  const page = await stand.show(await stand.page(), "#/flows");
  const card = page.getByRole("region", { name: "project-setup" });
  assert.match(await words(card), new RegExp(
    `${stand.hooks}/project-setup .*Signature none`));
  assert.match(await words(card), /Last hour 2 succeeded, 0 failed/);
  assert.match(await words(card), /Clone, p50 \/ p95 \d+ ms \/ \d+ ms/);
  await card.getByText("Definition").click();
  await page.getByRole("region", { name: "Definition of project-setup" })
    .getByText("/projects/{{body/template}}/clone").waitFor();
  await leave(page);
});

test("a webhook that became no job says why", async () => {
  await fetch(`${stand.hooks}/single`, { method: "POST", body: "no JSON" });
  const page = await stand.show(await stand.page(), "#/webhooks");
  const one = page.getByRole("region", { name: /^malformed single/ }).first();
  await one.waitFor();
  await one.getByText("Headers and body").click();
  await one.locator("pre", { hasText: "no JSON" }).waitFor();
  await page.getByLabel("Why").selectOption("bad-signature");
  await page.getByText("None in this run of the service.").waitFor();
  await leave(page);
});

test("ids are not wrapped at 1280 pixels", async () => {
  const page = await stand.page({ viewport: { width: 1280, height: 800 } });
  await stand.show(page, "#/jobs");
  const heights = await page.locator("table.jobs .id").evaluateAll((list) =>
    list.map((each) => each.getClientRects().length));
  assert.ok(heights.length > 10 && heights.every((each) => each === 1));
  assert.equal(await page.evaluate(() =>
    document.documentElement.scrollWidth), 1280);
  await leave(page);
});

test("the attempts can be read at 390 pixels", async () => {
  const page = await stand.page({ viewport: { width: 390, height: 800 } });
  await stand.show(page, `#/jobs/${jobs.failed}`);
  const right = await page.locator("table.attempts td, table.attempts th")
    .evaluateAll((list) => Math.max(...list.map((each) =>
      each.getBoundingClientRect().right)));
  assert.ok(right <= 390, `${right}`);
  assert.equal(await page.evaluate(() =>
    document.documentElement.scrollWidth), 390);
  await picture(page, "phone-attempts", { fullPage: true });
  await leave(page);
});

test("the tree shows who restarts whom", async () => {
  const page = await stand.show(await stand.page(), "#/supervision");
  const names = await texts(page.locator(".tree strong"));
  assert.deepEqual(names, ["guardian", "root supervisor", "clones",
    "job supervisors", "sub-actions", "journal keeper", "outbound",
    "recovery"]);
  assert.match(await page.locator(".actor", { hasText: "sub-actions" })
    .innerText(), /0 restarts/);
  await leave(page);
});

for (const colorScheme of ["light", "dark"])
  test(`axe finds nothing in ${colorScheme}`, async () => {
    const page = await stand.page({ colorScheme, reducedMotion: "reduce" });
    for (const [name, hash] of Object.entries(views())) {
      await stand.show(page, hash);
      await page.getByRole("heading", { level: 1 }).waitFor();
      assert.deepEqual(await faults(page), [], name);
      await picture(page, `${colorScheme}-${name}`);
    }
    await stand.show(page, `#/jobs/${jobs.lost}`);
    await page.getByRole("button", { name: "Resolve…" }).click();
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await faults(page), [], "dialog");
    await picture(page, `${colorScheme}-dialog`);
    await leave(page);
  });

test("it fits a phone", async () => {
  const page = await stand.page({ viewport: { width: 320, height: 640 },
    isMobile: true, hasTouch: true });
  for (const [name, hash] of Object.entries(views())) {
    await stand.show(page, hash);
    assert.equal(await page.evaluate(() =>
      document.documentElement.scrollWidth), 320, name);
    assert.deepEqual(await faults(page), [], name);
    await picture(page, `phone-${name}`, { fullPage: true });
  }
  await leave(page);
});

test("it is used with the keyboard alone", async () => {
  const page = await stand.show(await stand.page(), "#/");
  const focused = () => page.evaluate(() => {
    const at = document.activeElement;
    return (at.getAttribute("aria-label") ?? at.textContent).trim();
  });
  const outlined = () => page.evaluate(() =>
    getComputedStyle(document.activeElement).outlineStyle !== "none");
  const tabTo = async (name) => {
    for (let i = 0; i < 80; ++i) {
      await page.keyboard.press("Tab");
      assert.ok(await outlined(), `${await focused()} shows its focus`);
      if (await focused() === name) return;
    }
    assert.fail(`Tab does not come to ${name}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "To the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.reload();
  await page.locator(".link.live").waitFor();
  await tabTo("Jobs");
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "Jobs" }).waitFor();
  await tabTo(jobs.last);
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: jobs.last }).waitFor();

  await stand.show(page, `#/jobs/${jobs.failed}`);
  await tabTo("Retry team…");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Retry team?" });
  await dialog.waitFor();
  assert.equal(await focused(), "Cancel");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(), "Retry team…", "the focus is back");
  assert.equal((await stand.ask(`jobs/${jobs.failed}`)).status, "failed");
  await leave(page);
});
