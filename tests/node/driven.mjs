// Which operations the tests of a file drove with success, and the test that these are all that the service has.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

/** Names as the SDK has them: `SQSClient SendMessageCommand`. */
const driven = new Set();

/** Lets a client note every command that it is answered with success. */
export function note(client) {
  const noting = (next, { clientName, commandName }) => async (args) => {
    const answer = await next(args);
    const { httpStatusCode } = answer.output.$metadata;
    if (httpStatusCode >= 200 && httpStatusCode < 300) driven.add(`${clientName} ${commandName}`);
    return answer;
  };
  client.middlewareStack.add(noting, { step: "initialize", name: "note" });
  return client;
}

/** The operations that the binary has, as rows with `Model` and `Operation`. Cloudlet's own have no official client, nor have forms. */
export function operations() {
  const rows = JSON.parse(execFileSync(process.env.CLOUDLET_BIN, ["operations", "--json"], { encoding: "utf8" }));
  return rows.filter(({ Model, Operation }) => !Model.startsWith("cloudlet") && Operation !== "PostObject");
}

/** The last test of a service's file: nothing that its official `model` has here was left out. */
export function everyOperationIsDriven(model, { name }) {
  test("every operation was driven", () => {
    const rows = operations().filter(({ Model }) => Model === model);
    assert.notEqual(rows.length, 0, `there is no service ${model}`);
    const missing = rows.map(({ Operation }) => Operation).filter((operation) => !driven.has(`${name} ${operation}Command`));
    assert.deepEqual(missing, [], "these got no successful answer");
  });
}
