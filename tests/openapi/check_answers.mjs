// Fails where real answers are not as a document says:
//
//   check_answers.mjs OPENAPI ANSWERS
//
// ANSWERS has a JSON object a line: {"method", "path", "status", "headers",
// "body"}, where `path` is the one of the document and `body` a text. Members
// that the document does not name are errors, too, and so is a route without an
// answer of success.
import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const read = (file) => readFileSync(file, "utf8");
const [, , openapi, answers] = process.argv;
const document = JSON.parse(read(openapi));

// Whoever reads a document has to be ready for more members; a test has not.
function close(schema) {
  if (schema === null || typeof schema !== "object") return;
  if (schema.type === "object" && schema.properties)
    schema.additionalProperties ??= false;
  Object.values(schema).forEach(close);
}
close(document.components.schemas);

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(document, "openapi");

function resolve(what) {
  if (!what?.$ref) return what;
  return what.$ref
    .slice(2)
    .split("/")
    .reduce((at, key) => at[key], document);
}

function pointer(...keys) {
  return keys
    .map((key) => "/" + key.replaceAll("~", "~0").replaceAll("/", "~1"))
    .map(encodeURIComponent)
    .join("")
    .replaceAll("%2F", "/");
}

function wrong({ method, path, status, headers, body }) {
  const operation = document.paths[path]?.[method.toLowerCase()];
  if (!operation) return "is not described";
  const known = operation.responses[status] ? String(status) : "default";
  const at = operation.responses[known];
  const response = resolve(at);
  if (!response) return "has no such status";
  for (const [name, header] of Object.entries(response.headers ?? {}))
    if (header.required && !(name.toLowerCase() in headers))
      return `lacks the header ${name}`;
  const type = headers["content-type"]?.split(";")[0];
  if (!response.content?.[type]) return `is of the type ${type}`;
  if (!type.endsWith("json")) return null;
  const place = at.$ref
    ? at.$ref.slice(1)
    : pointer("paths", path, method.toLowerCase(), "responses", known);
  const check = ajv.getSchema(
    `openapi#${place}${pointer("content", type, "schema")}`,
  );
  if (check(JSON.parse(body))) return null;
  return ajv.errorsText(check.errors) + "\n" + body;
}

let failed = 0;
const complain = (what) => {
  console.log(what);
  failed = 1;
};
const succeeded = new Set();
for (const line of read(answers).trim().split("\n")) {
  const each = JSON.parse(line);
  const name = `${each.method} ${each.path}`;
  const what = wrong(each);
  if (what) complain(`${name}: ${each.status} ${what}`);
  if (each.status < 300) succeeded.add(name);
}
for (const [path, item] of Object.entries(document.paths))
  for (const method of ["get", "put", "post", "delete", "patch"])
    if (item[method] && !succeeded.has(`${method.toUpperCase()} ${path}`))
      complain(`${method.toUpperCase()} ${path}: was not tried with success`);
process.exit(failed);
