// What happens while one looks, and what one can do.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { Stand, eventually, leave, picture } from "./stand.js";

let stand;

before(async () => { stand = await Stand.open(); });
after(() => stand?.close());

const status = (page) => page.locator(".headline .badge");

/** Marks the document, to see later that it is still the same. */
const mark = (page) => page.evaluate(() => { window.marked = true; });
const isMarked = (page) => page.evaluate(() => window.marked === true);

async function press(page, name, yes) {
  await page.getByRole("button", { name, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: yes, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

test("a job changes before one's eyes", async () => {
  const job = await stand.postHeld("project-setup", "held");
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  await mark(page);
  await status(page).filter({ hasText: "cloning" }).waitFor();
  assert.equal(await page.locator(".bar.busy").count(), 1);
  await stand.release();
  await status(page).filter({ hasText: "succeeded" }).waitFor();
  assert.equal(await page.locator(".timeline .bar.ok").count(), 6);
  assert.ok(await isMarked(page), "without a reload");
  await leave(page);
});

test("the list hears of new jobs, and the focus stays", async () => {
  const first = await stand.made("single", "quick", "succeeded");
  const page = await stand.show(await stand.page(), "#/jobs");
  await mark(page);
  await page.getByRole("link", { name: first }).focus();
  const next = await stand.made("single", "quick", "succeeded");
  await page.getByRole("link", { name: next }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent),
    first);
  assert.ok(await isMarked(page));
  await leave(page);
});

test("a failed job is retried once that is confirmed", async () => {
  const job = await stand.made("board", "basic", "failed");
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  await press(page, "Retry…", "Cancel");
  assert.equal((await stand.ask(`jobs/${job}`)).status, "failed");
  await press(page, "Retry…", "Retry");
  await status(page).filter({ hasText: "succeeded" }).waitFor();
  await page.getByText("The job is tried again.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Retry…" }).count(), 0);
  await leave(page);
});

test("many that failed are selected and retried", async () => {
  const ids = [await stand.made("board", "basic", "failed"),
    await stand.made("board", "basic", "failed")];
  const good = await stand.made("single", "quick", "succeeded");
  const page = await stand.show(await stand.page(), "#/jobs");
  const button = page.getByRole("button", { name: /^Retry .*selected…/ });
  assert.ok(await button.isDisabled());
  assert.equal(await page.getByLabel(`Select ${good}`).count(), 0,
    "nothing is offered that would be refused");
  for (const id of ids) await page.getByLabel(`Select ${id}`).check();
  await button.filter({ hasText: "Retry 2 selected…" }).waitFor();
  // What is drawn again keeps the selection.
  await stand.made("single", "quick", "succeeded");
  await eventually(async () => await page.locator("tbody tr").count() >= 4);
  assert.ok(await page.getByLabel(`Select ${ids[0]}`).isChecked());
  await button.click();
  await page.getByRole("dialog").getByRole("button", { name: "Retry",
    exact: true }).click();
  await page.getByText("2 of 2 jobs are tried again.").waitFor();
  for (const id of ids) await stand.waitFor(id, "succeeded");
  await leave(page);
});

test("a request is copied as curl, without secrets", async () => {
  const job = await stand.made("board", "basic", "failed");
  const page = await stand.page({ permissions: ["clipboard-read",
    "clipboard-write"] });
  await stand.show(page, `#/jobs/${job}`);
  await page.getByRole("button", { name: "Copy as curl: team" })
    .click();
  await page.getByText("Copied.").waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(text, /^curl -i -X POST 'http:.*\/team'/);
  assert.match(text, /"Authorization: \$AUTHORIZATION"/);
  await leave(page);
});

test("flows are reloaded", async () => {
  const page = await stand.show(await stand.page(), "#/flows");
  await page.getByRole("button", { name: "Reload" }).click();
  await page.getByText("10 flows are in force").waitFor();
  await leave(page);
});

test("one sub-action is retried alone", async () => {
  const job = await stand.made("board", "basic", "failed");
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  await press(page, "Retry team…", "Retry");
  await status(page).filter({ hasText: "succeeded" }).waitFor();
  const { sub_actions: steps } = await stand.ask(`jobs/${job}`);
  assert.deepEqual(steps.map((each) => each.attempts.length), [1, 2]);
  await leave(page);
});

test("a job that waits is cancelled", async () => {
  const job = await stand.post("import", "quick");
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  const row = page.locator(".timeline > li", { hasText: "never" });
  await row.getByText("again in").waitFor();
  await press(page, "Cancel…", "Cancel the job");
  await status(page).filter({ hasText: "cancelled" }).waitFor();
  assert.equal((await stand.ask(`jobs/${job}`)).status, "cancelled");
  await leave(page);
});

test("an ambiguous clone is resolved with its UID", async () => {
  const job = await stand.post("project-setup", "lost");
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  await status(page).filter({ hasText: "ambiguous" }).waitFor();
  await page.getByRole("button", { name: "Resolve…" }).click();
  const dialog = page.getByRole("dialog");
  const yes = dialog.getByRole("button", { name: "Resolve", exact: true });
  await yes.click();
  await dialog.getByText("The UID is missing.").waitFor();
  await dialog.getByLabel("UID of the clone").fill("seven");
  await dialog.getByLabel("The API gives it as a number").check();
  await yes.click();
  await dialog.getByText("That is no whole number.").waitFor();
  await dialog.getByLabel("UID of the clone").fill("4711");
  await yes.click();
  await status(page).filter({ hasText: "succeeded" }).waitFor();
  assert.equal((await stand.ask(`jobs/${job}`)).uid, 4711);
  await leave(page);
});

test("a refusal stays in the dialog", async () => {
  const job = await stand.made("board", "basic", "failed");
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  await page.getByRole("button", { name: "Retry…", exact: true }).click();
  await stand.ask(`jobs/${job}/retry`, { method: "POST" });
  await stand.waitFor(job, "succeeded");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Retry", exact: true }).click();
  await dialog.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  page.wrongs = page.wrongs.filter((each) => !each.includes("409"));
  await leave(page);
});

test("hostile texts are texts", async () => {
  const name = "<img src=x onerror=\"window.hacked=1\"><script>hacked=1</script>";
  const job = await stand.post("single", "hostile", { name, "</pre>": name },
    { "X-Plain": name });
  await stand.waitFor(job, "succeeded");
  const page = await stand.show(await stand.page(), "#/jobs");
  await page.locator("tr", { hasText: "<img src=x" }).waitFor();
  await stand.show(page, `#/jobs/${job}`);
  await page.getByText("The webhook as it came in").click();
  await page.locator("pre", { hasText: "<script>" }).first().waitFor();
  await stand.show(page, `#/jobs?uid=${encodeURIComponent(`${name}-`)}`);
  await page.getByText("No jobs match.").waitFor();
  await page.goto(`${stand.admin}#/jobs/${encodeURIComponent(name)}`);
  await page.getByText("there is no job with this id").waitFor();
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  page.wrongs = page.wrongs.filter((each) => !each.includes("404"));
  await leave(page);
});

/** A way to the service that can be cut. */
async function cable(to) {
  const sockets = new Set();
  const way = { whole: true, sent: "" };
  const server = createServer((client) => {
    if (!way.whole) return client.destroy();
    const behind = connect(to);
    for (const each of [client, behind]) {
      sockets.add(each);
      each.on("error", () => {});
      each.on("close", () => { client.destroy(); behind.destroy(); });
    }
    client.on("data", (bytes) => { way.sent += bytes; });
    client.pipe(behind).pipe(client);
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  way.url = `http://127.0.0.1:${server.address().port}/`;
  way.cut = () => {
    way.whole = false;
    way.sent = "";
    sockets.forEach((each) => each.destroy());
  };
  way.close = () => { way.cut(); server.close(); };
  return way;
}

test("the stream is taken up again where it was lost", async () => {
  const way = await cable({ host: "127.0.0.1",
    port: Number(new URL(stand.admin).port) });
  try {
    const page = await stand.page({ from: way.url });
    await page.goto(`${way.url}#/jobs`);
    await page.locator(".link.live").waitFor();
    await page.locator("main h1").waitFor();
    way.cut();
    await page.locator(".link.lost").waitFor();
    const job = await stand.made("single", "quick", "succeeded");
    way.whole = true;
    await page.getByRole("link", { name: job }).waitFor();
    await eventually(() => /last-event-id: \d+\.\d+/i.test(way.sent),
      "it says where it stopped");
    page.wrongs = page.wrongs.filter((each) => !each.includes("net::ERR_"));
    await leave(page);
  } finally {
    way.close();
  }
});

test("a tab that nobody sees follows nothing until it is seen", async () => {
  const page = await stand.page();
  await page.addInitScript(() => {
    window.away = false;
    Object.defineProperty(document, "hidden", { get: () => window.away });
  });
  await stand.show(page, "#/jobs");
  const go = (away) => page.evaluate((value) => {
    window.away = value;
    document.dispatchEvent(new Event("visibilitychange"));
  }, away);
  const ended = page.waitForEvent("requestfailed", (request) =>
    request.url().endsWith("/events"));
  await go(true);
  await ended;
  await page.locator(".link.paused").waitFor();
  const job = await stand.made("single", "quick", "succeeded");
  await go(false);
  await page.locator(".link.live").waitFor();
  await page.getByRole("link", { name: job }).waitFor();
  await leave(page);
});

test("a token is asked for until it is right, and kept in the tab", async () => {
  const guarded = await Stand.open({ token: "s3cret" });
  try {
    const job = await guarded.made("single", "quick", "succeeded");
    const page = await guarded.page();
    await page.goto(`${guarded.admin}#/jobs/${job}`);
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await picture(page, "light-token");
    const give = async (text) => {
      await dialog.getByLabel("Token").fill(text);
      await page.keyboard.press("Enter");
    };
    await give("");
    await dialog.getByText("The token is missing.").waitFor();
    await give("wrong");
    await dialog.getByText("That token was refused.").waitFor();
    await give("s3cret");
    await status(page).filter({ hasText: "succeeded" }).waitFor();
    await page.locator(".link.live").waitFor();
    await page.reload();
    await status(page).waitFor();
    assert.equal(await dialog.count(), 0);
    assert.deepEqual(await page.evaluate(() => [localStorage.length,
      document.cookie]), [0, ""]);
    await leave(page);
  } finally {
    await guarded.close();
  }
});

test("Escape is no answer to who asks for the token", async () => {
  const guarded = await Stand.open({ token: "s3cret" });
  try {
    const page = await guarded.page();
    await page.goto(`${guarded.admin}#/jobs`);
    const dialog = page.getByRole("dialog");
    const escape = async () => {
      await dialog.waitFor();
      await page.keyboard.press("Escape");
    };
    // A page may prevent the first Escape after a key or a click, and no more.
    await escape();
    await escape();
    await dialog.getByLabel("Token").pressSequentially("s3c");
    await escape();
    await escape();
    await dialog.getByLabel("Token").pressSequentially("ret");
    await page.keyboard.press("Enter");
    await page.locator(".link.live").waitFor();
    assert.equal(await page.locator("dialog").count(), 0);
    await leave(page);
  } finally {
    await guarded.close();
  }
});

test("a dialog that the browser closed is gone", async () => {
  const job = await stand.made("board", "basic", "failed");
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  await page.getByRole("button", { name: "Retry…", exact: true }).click();
  // As a browser does that does not ask: there is no `cancel`.
  await page.locator("dialog").evaluate((dialog) => dialog.close());
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal((await stand.ask(`jobs/${job}`)).status, "failed");
  await leave(page);
});

test("the end of the service is said, and no reason to give up", async () => {
  const own = await Stand.open();
  try {
    const page = await own.show(await own.page(), "#/");
    own.service.child.kill("SIGTERM");
    await page.locator(".link.lost").waitFor();
    assert.equal(await page.locator("#link").innerText(), "Not connected");
    assert.equal(await page.locator(".tile").count(), 6, "what was seen stays");
    await page.context().close();
  } finally {
    await own.close();
  }
});
