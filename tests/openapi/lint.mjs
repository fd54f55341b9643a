// Fails where a document is no good OpenAPI 3.1: lint.mjs FILE
import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({
  extends: ["recommended"],
  rules: {
    "no-invalid-media-type-examples": "error",
    "no-invalid-parameter-examples": "error",
    "no-invalid-schema-examples": "error",
    "operation-operationId-unique": "error",
    "operation-4xx-response": "error",
    // Nobody but its owner may use Handoff yet, and it runs on the machine of
    // whoever reads this.
    "info-license": "off",
    "no-server-example.com": "off",
  },
});
const problems = await lint({ ref: process.argv[2], config });
for (const each of problems)
  console.log(
    `${each.severity}: ${each.location[0]?.pointer ?? ""}: ${each.message} (${each.ruleId})`,
  );
process.exit(problems.length === 0 ? 0 : 1);
