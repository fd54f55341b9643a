// What was sent and what was answered, side by side, for each step.

import { h } from "./dom.js";
import { inquiryLabel, stepsOf } from "./timeline.js";

/** JSON is laid out; all else stays as it is. */
function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * The call as a command for a shell. What is masked comes from the environment:
 * the page has no secrets.
 */
export function asCurl(call) {
  const parts = ["curl", "-i", "-X", call.method, quoted(call.url)];
  for (const { name, value } of call.headers) {
    if (["idempotency-key", "traceparent", "tracestate"]
      .includes(name.toLowerCase())) continue;
    parts.push("-H", value === "***"
      ? `"${name}: $${name.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}"`
      : quoted(`${name}: ${value}`));
  }
  if (call.body !== null && call.body !== undefined)
    parts.push("--data-binary", quoted(call.body));
  return parts.join(" ");
}

const block = (label, text) => h("pre", { tabindex: "0", role: "region",
  "aria-label": label }, text);

function request(step) {
  const call = step.request;
  if (!call) return h("p", { class: "empty" }, "Not known.");
  if (call.error) return h("p", { class: "why" }, call.error);
  const fields = call.headers.map(({ name, value }) => `${name}: ${value}`);
  return [
    block(`Request of ${step.label}`, [`${call.method} ${call.url}`, ...fields,
      ...(call.body ? ["", laidOut(call.body)] : [])].join("\n")),
    h("button", { class: "small", "data-do": "copyCurl", "data-name": step.label,
      "aria-label": `Copy as curl: ${step.label}` },
    "Copy as curl")];
}

function answer(attempt) {
  const { response } = attempt;
  const status = attempt.http_status === null ? "no answer"
    : String(attempt.http_status);
  const which = attempt.called ?? `attempt ${attempt.number}`;
  return [
    h("h4", {}, attempt.called
      ? `The last of ${attempt.number}: ${status}, ${attempt.finding}`
      : `Attempt ${attempt.number}: ${status}`),
    h("p", { class: "why" }, attempt.error ?? ""),
    response ? block(`Answer to ${which}`,
      `${response.content_type ? `Content-Type: ${response.content_type}\n\n` : ""
      }${response.truncated ? response.body : laidOut(response.body)}${
        response.truncated ? "\n…" : ""}`) : null];
}

/** The newest answers that were no success; older ones are in the document. */
function answers(step) {
  const failed = step.attempts.filter((each) => each.error !== null
    || each.response);
  if (failed.length === 0)
    return h("p", { class: "empty" }, step.attempts.length === 0
      ? "No attempt has begun." : "Every attempt has succeeded.");
  return [failed.slice(-3).reverse().map(answer),
    failed.length > 3 ? h("p", { class: "faint" },
      `${failed.length - 3} earlier ones are in the API and in `
      + "handoff show --verbose.") : null];
}

/** Everything that calls an upstream, as it is called on the page. */
export const callers = (job) => stepsOf(job).flatMap((step) => [step,
  ...step.inquiries.map((each) => {
    const label = inquiryLabel(step, each);
    return { label, status: step.status, request: each.request,
      attempts: [{ ...each, number: each.count, called: label }] };
  })]);

export function calls(job) {
  const steps = callers(job);
  return h("section", { class: "card calls", "aria-labelledby": "calls" },
    h("h2", { id: "calls" }, "Requests and answers"),
    steps.map((step) => h("details", { "data-key": step.label,
      open: step.status !== "succeeded" && step.attempts.some((each, at, all) =>
        each.called || (at === all.length - 1 && each.error !== null)) },
    h("summary", {}, step.label, " ", h("span", { class: "faint" },
      step.attempts.at(-1)?.http_status ?? "")),
    h("div", { class: "sides" },
      h("div", {}, h("h3", {}, "Request"), request(step)),
      h("div", {}, h("h3", {}, "Answer"), answers(step))))));
}
