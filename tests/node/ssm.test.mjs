// Parameter Store through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-ssm";
import { everyOperationIsDriven } from "./driven.mjs";
import { client } from "./server.mjs";

const { SSMClient } = sdk;
const ssm = client(SSMClient);
const call = (operation, input = {}) => ssm.send(new sdk[`${operation}Command`](input));

test("parameters have versions, labels and tags", async () => {
  const Name = "/node/a";
  await call("PutParameter", { Name, Value: "one", Type: "String" });
  await assert.rejects(call("PutParameter", { Name, Value: "two" }), sdk.ParameterAlreadyExists);
  assert.equal((await call("PutParameter", { Name, Value: "two", Overwrite: true })).Version, 2);
  await call("LabelParameterVersion", { Name, ParameterVersion: 1, Labels: ["old"] });
  assert.equal((await call("GetParameter", { Name: `${Name}:old` })).Parameter.Value, "one");
  assert.deepEqual((await call("UnlabelParameterVersion", { Name, ParameterVersion: 1, Labels: ["old"] })).RemovedLabels, ["old"]);
  assert.deepEqual((await call("GetParameterHistory", { Name })).Parameters.map(({ Value }) => Value), ["one", "two"]);
  const resource = { ResourceType: "Parameter", ResourceId: Name };
  await call("AddTagsToResource", { ...resource, Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] });
  await call("RemoveTagsFromResource", { ...resource, TagKeys: ["a"] });
  assert.deepEqual((await call("ListTagsForResource", resource)).TagList, [{ Key: "b", Value: "2" }]);
  await call("DeleteParameter", { Name });
  await assert.rejects(call("GetParameter", { Name }), sdk.ParameterNotFound);
});

test("secure strings, paths and lists", async () => {
  const names = ["/tree/a", "/tree/b/c"];
  for (const Name of names) await call("PutParameter", { Name, Value: "secret", Type: "SecureString" });
  const { Parameters, InvalidParameters } = await call("GetParameters", { Names: [...names, "/none"], WithDecryption: true });
  assert.deepEqual([Parameters.map(({ Value }) => Value), InvalidParameters], [["secret", "secret"], ["/none"]]);
  const below = await call("GetParametersByPath", { Path: "/tree", Recursive: true });
  assert.deepEqual(below.Parameters.map(({ Name }) => Name), names);
  assert.ok(below.Parameters.every(({ Value }) => Value !== "secret"));
  const filter = { Key: "Path", Option: "Recursive", Values: ["/tree"] };
  assert.equal((await call("DescribeParameters", { ParameterFilters: [filter] })).Parameters.length, 2);
  assert.deepEqual((await call("DeleteParameters", { Names: names })).DeletedParameters, names);
});

everyOperationIsDriven("ssm", SSMClient);
