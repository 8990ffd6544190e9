// No service is without its tests: each model that the binary has is driven whole by the file of its name.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { operations } from "./driven.mjs";

test("every service has a file that drives all of it", () => {
  for (const model of new Set(operations().map(({ Model }) => Model))) {
    const text = readFileSync(new URL(`${model}.test.mjs`, import.meta.url), "utf8");
    assert.match(text, new RegExp(`^everyOperationIsDriven\\("${model}", [\\w.]+Client\\);$`, "m"));
  }
});
