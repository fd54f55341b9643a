// Parts of the page that need no browser.

import { test } from "node:test";
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const of = (name) => import(pathToFileURL(join(process.env.PAGE_SOURCES, name)));

test("events are read from any pieces", async () => {
  const { EventReader } = await of("live.js");
  const text = "retry: 2000\nid: 7.1\n\n:\n\nevent: job\nid: 7.2\n"
    + "data: {\"a\":1}\n\nevent: step\nid: 7.3\ndata: one\ndata: two\n\n";
  for (let size = 1; size <= text.length; ++size) {
    const reader = new EventReader();
    const read = [];
    for (let at = 0; at < text.length; at += size)
      read.push(...reader.feed(text.slice(at, at + size)));
    assert.deepEqual(read, [{ event: "job", data: "{\"a\":1}" },
      { event: "step", data: "one\ntwo" }]);
    assert.equal(reader.lastId, "7.3");
  }
});

test("integers keep their digits, whatever their size", async () => {
  const { integer, readJson, uidText, writeJson } = await of("text.js");
  const large = "-123456789012345678901234567890";
  const text = `{"uid":${large},"list":[9007199254740993,7,-0.1234567890123456789`
    + `,1e20],"text":"9007199254740993 \\"12345678901234567"}`;
  const read = readJson(text);
  assert.equal(uidText(read.uid), large);
  assert.equal(uidText(read.list[0]), "9007199254740993");
  assert.equal(read.list[1], 7);
  assert.equal(read.list[2], -0.12345678901234568);
  assert.equal(read.list[3], 1e20);
  assert.equal(read.text, "9007199254740993 \"12345678901234567");
  assert.ok(writeJson(read).startsWith(
    `{"uid":${large},"list":[9007199254740993,7,`));
  assert.equal(writeJson({ uid: integer(BigInt("0012345678901234567890")) }),
    '{"uid":12345678901234567890}');
  assert.equal(uidText("a"), "a");
  assert.equal(uidText(7), "7");
  assert.equal(uidText(null), "");
});

test("lengths of time are short to read", async () => {
  const { duration } = await of("text.js");
  assert.deepEqual([0, 999, 1000, 9_990, 59_900, 90_000, 3_600_000, 86_400_000,
    864_000_000].map(duration), ["0 ms", "999 ms", "1.00 s", "9.99 s", "59.9 s",
    "1 min 30 s", "1 h 0 min", "24 h 0 min", "10 days"]);
});

test("the wait for a turn comes before the attempt", async () => {
  const { rowsOf } = await of("timeline.js");
  const received = Date.parse("2026-11-22T18:00:00.000Z");
  const attempt = (number, after, waiting, took, error = null) => ({ number,
    started: new Date(received + after).toISOString(), waiting_ms: waiting,
    duration_ms: took, http_status: error ? 503 : 201, error, counted: true });
  const [clone] = rowsOf({ uid: "7", status: "succeeded", reply: null,
    received: new Date(received).toISOString(), deadline: null,
    clone: { error: null, next_attempt: null, inquiries: [], attempts: [
      attempt(1, 10, 3, 100, "no"), attempt(2, 1_000, 5_000, 300)] },
    sub_actions: [], compensations: [], callbacks: [] }, received + 9_000);
  assert.deepEqual(clone.bars.map(({ look, from, to }) => [look, from, to]), [
    ["bad", 13, 113], ["wait", 113, 1_000], ["wait", 1_000, 6_000],
    ["ok", 6_000, 6_300]]);
  assert.equal(clone.bars[2].text, "waited 5.00 s for its turn");
  assert.match(clone.bars[3].text, /after 300 ms, begun at 6\.00 s$/);
});

test("what was asked is one thin line from its first to its last", async () => {
  const { found, rowsOf } = await of("timeline.js");
  const poll = { name: "poll", count: 14, first: "2026-11-22T18:00:01.000Z",
    started: "2026-11-22T18:00:09.000Z", duration_ms: 30, finding: "not-yet" };
  const [clone] = rowsOf({ uid: null, status: "cloning", reply: null,
    received: "2026-11-22T18:00:00.000Z", deadline: null,
    clone: { error: null, next_attempt: null, inquiries: [poll], attempts: [] },
    sub_actions: [], compensations: [], callbacks: [] }, 0);
  assert.deepEqual(clone.bars, [{ look: "wait", from: 1_000, to: 9_030,
    text: "poll asked 14 times, the last found not-yet" }]);
  assert.equal(found({ ...poll, count: 1 }), "asked once, the last found not-yet");
});

test("a request becomes a command without secrets", async () => {
  const { asCurl } = await of("calls.js");
  const command = asCurl({ method: "PUT", url: "https://api.example/a?b='c'",
    headers: [{ name: "Authorization", value: "***" },
      { name: "Content-Type", value: "application/json" },
      { name: "Idempotency-Key", value: "j.s" }], body: "isn't" });
  assert.equal(command, [
    "curl -i -X PUT 'https://api.example/a?b='\\''c'\\'''",
    "-H \"Authorization: $AUTHORIZATION\"",
    "-H 'Content-Type: application/json'",
    "--data-binary 'isn'\\''t'"].join(" "));
});
