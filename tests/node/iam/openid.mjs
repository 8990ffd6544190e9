// Providers of OpenID Connect.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-iam";
import { client } from "../server.mjs";

const iam = client(sdk.IAMClient);
const call = (operation, input = {}) => iam.send(new sdk[`${operation}Command`](input));

test("providers of OpenID Connect", async () => {
  const made = await call("CreateOpenIDConnectProvider", { Url: "https://issuer.example.com", ClientIDList: ["one"] });
  const one = { OpenIDConnectProviderArn: made.OpenIDConnectProviderArn };
  await call("AddClientIDToOpenIDConnectProvider", { ...one, ClientID: "two" });
  await call("RemoveClientIDFromOpenIDConnectProvider", { ...one, ClientID: "one" });
  await call("UpdateOpenIDConnectProviderThumbprint", { ...one, ThumbprintList: ["a".repeat(40)] });
  await call("TagOpenIDConnectProvider", { ...one, Tags: [{ Key: "a", Value: "b" }] });
  assert.deepEqual((await call("ListOpenIDConnectProviderTags", one)).Tags, [{ Key: "a", Value: "b" }]);
  await call("UntagOpenIDConnectProvider", { ...one, TagKeys: ["a"] });
  const told = await call("GetOpenIDConnectProvider", one);
  assert.deepEqual([told.Url, told.ClientIDList], ["issuer.example.com", ["two"]]);
  assert.equal((await call("ListOpenIDConnectProviders")).OpenIDConnectProviderList.length, 1);
  await call("DeleteOpenIDConnectProvider", one);
  await assert.rejects(call("GetOpenIDConnectProvider", one), { name: "NoSuchEntityException" });
});
