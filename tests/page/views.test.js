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
  ambiguous: `#/jobs/${jobs.lost}`, supervision: "#/supervision" });

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
  assert.match(await words(value("Answered in time")),
    /100 % 64 answered, 0 late/);
  assert.match(await words(value("Ambiguous")), /1 wait for a person/);
  assert.match(await words(value("Retries")), /Retries 4 /);
  assert.match(await value("Jobs a minute").locator("svg")
    .getAttribute("aria-label"), /64 in all/);
  const wanted = page.getByRole("region", { name: "Wants a look" });
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
  await page.getByText("No job is like that.").waitFor();
  await page.getByLabel("Status").selectOption("");
  await page.getByLabel("Received").selectOption("1h");
  await eventually(async () => (await rows.count()) === 3);
  await page.goBack();
  await eventually(async () => await page.getByLabel("Received")
    .inputValue() === "");

  await page.goto(`${stand.admin}#/jobs`);
  const search = page.getByLabel("UID or job id");
  const { uid } = await stand.ask(`jobs/${jobs.good}`);
  await search.fill(` ${uid} `);
  await search.press("Enter");
  await eventually(async () => (await rows.count()) === 1);
  assert.deepEqual(await ids(), [jobs.good]);
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
    /"name": "Plans"/);
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
  assert.equal(await focused(), "Leave it");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(), "Retry team…", "the focus is back");
  assert.equal((await stand.ask(`jobs/${jobs.failed}`)).status, "failed");
  await leave(page);
});
