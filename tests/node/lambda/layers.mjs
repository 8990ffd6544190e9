// Lambda through aws-sdk v3: layers.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DeleteLayerVersionCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  ListLayersCommand,
  ListLayerVersionsCommand,
  PublishLayerVersionCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-lambda";
import { packageOf } from "../support.mjs";
import { create, invoke, lambda } from "./function.mjs";

const LayerName = "shared";

/** Publishes a version with a module that is just a text. */
async function publish(text) {
  const ZipFile = packageOf("nodejs/node_modules/shared/index.js", `module.exports = ${JSON.stringify(text)}`);
  return lambda.send(new PublishLayerVersionCommand({ LayerName, Description: text, Content: { ZipFile } }));
}

test("a function sees the version of a layer that it names, also after that was deleted", async () => {
  const one = await publish("one");
  const two = await publish("two");
  assert.deepEqual([one.Version, two.Version], [1, 2]);
  const Code = { ZipFile: packageOf("index.js", 'exports.handler = async () => require("shared")') };
  await create("layered", { Layers: [one.LayerVersionArn], Code });
  assert.equal((await invoke("layered")).value, "one");
  await lambda.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }));
  await assert.rejects(lambda.send(new GetLayerVersionCommand({ LayerName, VersionNumber: 1 })), ResourceNotFoundException);
  assert.equal((await invoke("layered")).value, "one");
});

test("layers and their versions are found", async () => {
  const { LayerVersionArn, Version: VersionNumber, Content } = await publish("three");
  const got = await lambda.send(new GetLayerVersionCommand({ LayerName, VersionNumber }));
  assert.deepEqual([got.LayerVersionArn, got.Content.CodeSha256], [LayerVersionArn, Content.CodeSha256]);
  assert.equal((await lambda.send(new GetLayerVersionByArnCommand({ Arn: LayerVersionArn }))).Description, "three");
  const { LayerVersions } = await lambda.send(new ListLayerVersionsCommand({ LayerName }));
  assert.deepEqual(LayerVersions.map(({ Description }) => Description), ["three", "two"]);
  const { Layers } = await lambda.send(new ListLayersCommand({}));
  assert.deepEqual(Layers.map((layer) => [layer.LayerName, layer.LatestMatchingVersion.Version]), [[LayerName, VersionNumber]]);
});
