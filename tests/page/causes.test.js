// From the first page of the dashboard to the cause of what went wrong: how many
// clicks a person needs, with a picture of where they lead. The seconds that it
// took are printed, and mean little: a person reads more slowly.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { Stand, faults, leave, picture } from "./stand.js";

const CLICKS_MAX = 2;

let stand;

before(async () => { stand = await Stand.open(); });
after(() => stand?.close());

/** Goes from the first page to the text of the cause by clicks alone. */
async function walk(name, { links, open = [], cause }) {
  const page = await stand.show(await stand.page(), "#/");
  const began = Date.now();
  let clicks = 0;
  for (const link of links(page)) {
    await link.click();
    clicks += 1;
  }
  for (const part of open.map((each) => each(page))) {
    await part.click();
    clicks += 1;
  }
  const found = cause(page).first();
  await found.waitFor();
  const seconds = (Date.now() - began) / 1000;
  await found.scrollIntoViewIfNeeded();
  await picture(page, `cause-${name}`);
  console.log(`cause of ${name}: ${clicks} clicks, ${seconds.toFixed(1)} s`);
  assert.ok(clicks <= CLICKS_MAX, `${clicks} clicks`);
  await leave(page);
}

const attention = (job) => (page) => [page.getByRole("region",
  { name: "Needs attention" }).getByRole("link", { name: job })];
const webhooks = (page) => [page.getByRole("navigation", { name: "Views" })
  .getByRole("link", { name: "Webhooks" })];

test("a 422 with its reason in JSON", async () => {
  const job = await stand.made("board", "basic", "failed");
  await walk("422", { links: attention(job),
    cause: (page) => page.getByRole("region", { name: "Answer to attempt 1" })
      .getByText("no such team") });
});

test("a 200 with an error of GraphQL", async () => {
  const job = await stand.made("graph", "basic", "failed");
  await walk("graphql", { links: attention(job),
    cause: (page) => page.getByRole("region", { name: "Answer to attempt 1" })
      .getByText("Field 'boardx' does not exist") });
});

test("a token that the upstream refuses", async () => {
  const job = await stand.made("locked", "basic", "failed");
  await walk("token", { links: attention(job),
    cause: (page) => page.getByRole("region", { name: "Answer to attempt 1" })
      .getByText("The access token expired") });
});

test("a signature that was rejected", async () => {
  const answer = await fetch(`${stand.hooks}/signed`, { method: "POST",
    headers: { "X-Signature": "0".repeat(64) }, body: "{}" });
  assert.equal(answer.status, 401);
  await walk("signature", { links: webhooks,
    cause: (page) => page.getByRole("region", { name: /^bad-signature signed/ })
      .getByText(/the signature does not match/i) });
});

test("a value that a step needs and the webhook lacks", async () => {
  const answer = await fetch(`${stand.hooks}/lacking`, { method: "POST",
    body: JSON.stringify({ template: "basic" }) });
  assert.equal(answer.status, 400);
  await walk("webhook-value", { links: webhooks,
    cause: (page) => page.getByRole("region", { name: /^malformed lacking/ })
      .getByText(/body\/team/) });
});

test("a value that a step needs and an answer lacks", async () => {
  const job = await stand.made("lacking", "basic", "failed", { team: "red" });
  await walk("answer-value", { links: attention(job),
    cause: (page) => page.locator(".why", { hasText: "sub/share/id" }) });
});

test("a clone that its upstream never finishes", async () => {
  const job = await stand.post("polled", "later", {},
    { Prefer: "respond-async" });
  await stand.waitFor(job, "ambiguous");
  await walk("poll", { links: attention(job),
    cause: (page) => page.getByRole("region", { name: "Answer to clone: poll" })
      .getByText("waiting for an administrator") });
  const page = await stand.show(await stand.page(), `#/jobs/${job}`);
  const row = page.locator("table.attempts tr", { hasText: "clone: poll" });
  await row.getByText(/asked \d+ times, the last found not-yet/).waitFor();
  await page.getByRole("region", { name: "Request of clone: poll" })
    .getByText(/^GET http/).waitFor();
  assert.deepEqual(await faults(page), []);
  await page.setViewportSize({ width: 390, height: 800 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `${width} px wide`);
  await picture(page, "phone-poll", { fullPage: true });
  await leave(page);
});
