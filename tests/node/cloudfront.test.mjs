// CloudFront through aws-sdk v3: every operation, and what a viewer gets.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import http from "node:http";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-cloudfront";
import { getSignedCookies, getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { CreateBucketCommand, PutBucketPolicyCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { everyOperationIsDriven } from "./driven.mjs";
import { client, endpoint } from "./server.mjs";

const cloudfront = client(sdk.CloudFrontClient);
const s3 = client(S3Client, { forcePathStyle: true });
const CachingOptimized = "658327ea-f89d-4fab-a63d-7e88639e58f6";
const send = (name, input) => cloudfront.send(new sdk[`${name}Command`](input));
const list = (...Items) => ({ Quantity: Items.length, Items });

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const EncodedKey = pair.publicKey.export({ type: "spki", format: "pem" });
const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" });

const parts = {
  HeadersConfig: { HeaderBehavior: "none" },
  CookiesConfig: { CookieBehavior: "none" },
  QueryStringsConfig: { QueryStringBehavior: "whitelist", QueryStrings: list("page") },
};
const keyed = { EnableAcceptEncodingGzip: true, EnableAcceptEncodingBrotli: true, ...parts };

function distribution(bucket, more = {}) {
  const origin = { Id: "o", DomainName: `${bucket}.s3.us-east-1.amazonaws.com`, S3OriginConfig: { OriginAccessIdentity: "" } };
  const DefaultCacheBehavior = { TargetOriginId: "o", ViewerProtocolPolicy: "allow-all", CachePolicyId: CachingOptimized, Compress: true, ...more.behavior };
  return {
    CallerReference: `${bucket}-${Math.random()}`,
    Comment: "",
    Enabled: true,
    Origins: list({ ...origin, ...more.origin }),
    DefaultCacheBehavior,
  };
}

/** A viewer's request: node's own fetch does not let one choose the host. */
function view(host, path, headers = {}) {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const request = http.get({ hostname, port, path, headers: { host, ...headers } }, async (response) => {
      let body = "";
      for await (const piece of response) body += piece;
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    request.on("error", reject);
  });
}

const kinds = [
  ["CachePolicy", "CachePolicies", { Name: "cached", MinTTL: 1, ParametersInCacheKeyAndForwardedToOrigin: keyed }],
  ["OriginRequestPolicy", "OriginRequestPolicies", { Name: "forwarded", ...parts }],
  ["ResponseHeadersPolicy", "ResponseHeadersPolicies", { Name: "answered", CustomHeadersConfig: list({ Header: "x-a", Value: "1", Override: true }) }],
  ["OriginAccessControl", "OriginAccessControls", { Name: "access", SigningProtocol: "sigv4", SigningBehavior: "always", OriginAccessControlOriginType: "s3" }],
  ["CloudFrontOriginAccessIdentity", "CloudFrontOriginAccessIdentities", { CallerReference: "identity", Comment: "c" }],
  ["PublicKey", "PublicKeys", { CallerReference: "key", Name: "key", EncodedKey }],
];

for (const [kind, plural, document] of kinds) {
  test(`${kind}: made, shown, changed, listed, deleted`, async () => {
    const made = await send(`Create${kind}`, { [`${kind}Config`]: document });
    const { Id } = made[kind];
    assert.equal((await send(`Get${kind}`, { Id }))[kind].Id, Id);
    const { ETag, [`${kind}Config`]: config } = await send(`Get${kind}Config`, { Id });
    assert.equal(ETag, made.ETag);
    const changed = await send(`Update${kind}`, { Id, IfMatch: ETag, [`${kind}Config`]: config });
    const listed = await send(`List${plural}`, {});
    assert.ok(JSON.stringify(listed[`${kind}List`].Items).includes(Id));
    await assert.rejects(send(`Delete${kind}`, { Id, IfMatch: ETag }), sdk.PreconditionFailed);
    await send(`Delete${kind}`, { Id, IfMatch: changed.ETag });
    await assert.rejects(send(`Get${kind}`, { Id }), ({ $metadata }) => $metadata.httpStatusCode === 404);
  });
}

test("a distribution gives out what its bucket lets it, and what is signed", async () => {
  const Bucket = "given-out";
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "a.txt", Body: "hello" }));
  const { OriginAccessControl } = await send("CreateOriginAccessControl", { OriginAccessControlConfig: { ...kinds[3][2], Name: Bucket } });
  const { PublicKey } = await send("CreatePublicKey", { PublicKeyConfig: { CallerReference: Bucket, Name: Bucket, EncodedKey } });
  const KeyGroupConfig = { Name: Bucket, Items: [PublicKey.Id] };
  const group = await send("CreateKeyGroup", { KeyGroupConfig });
  const { Id } = group.KeyGroup;
  assert.deepEqual((await send("GetKeyGroup", { Id })).KeyGroup.KeyGroupConfig.Items, [PublicKey.Id]);
  assert.deepEqual((await send("GetKeyGroupConfig", { Id })).KeyGroupConfig.Items, [PublicKey.Id]);
  await send("UpdateKeyGroup", { Id, IfMatch: group.ETag, KeyGroupConfig });
  assert.equal((await send("ListKeyGroups", {})).KeyGroupList.Items[0].KeyGroup.Id, Id);
  const spare = await send("CreateKeyGroup", { KeyGroupConfig: { ...KeyGroupConfig, Name: "spare" } });
  await send("DeleteKeyGroup", { Id: spare.KeyGroup.Id, IfMatch: spare.ETag });

  const behavior = { TrustedKeyGroups: { Enabled: true, ...list(Id) } };
  const document = distribution(Bucket, { behavior, origin: { OriginAccessControlId: OriginAccessControl.Id } });
  const { Distribution } = await send("CreateDistribution", { DistributionConfig: document });
  const Condition = { StringEquals: { "AWS:SourceArn": Distribution.ARN } };
  const statement = { Effect: "Allow", Principal: { Service: "cloudfront.amazonaws.com" }, Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*`, Condition };
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }) }));

  const host = Distribution.DomainName;
  assert.equal((await view(host, "/a.txt")).status, 403);
  const dateLessThan = new Date(Date.now() + 60_000).toISOString();
  const signing = { url: `http://${host}/a.txt`, keyPairId: PublicKey.Id, privateKey, dateLessThan };
  const { pathname, search } = new URL(getSignedUrl(signing));
  assert.equal((await view(host, pathname + search)).body, "hello");
  const cookie = Object.entries(getSignedCookies(signing)).map(([name, value]) => `${name}=${value}`).join("; ");
  const shown = await view(host, "/a.txt", { cookie });
  assert.deepEqual([shown.body, shown.headers["x-cache"]], ["hello", "Hit from cloudfront"]);

  const { Invalidation } = await send("CreateInvalidation", { DistributionId: Distribution.Id, InvalidationBatch: { CallerReference: "1", Paths: list("/*") } });
  assert.equal((await send("GetInvalidation", { DistributionId: Distribution.Id, Id: Invalidation.Id })).Invalidation.Status, "Completed");
  assert.equal((await send("ListInvalidations", { DistributionId: Distribution.Id })).InvalidationList.Items[0].Id, Invalidation.Id);
  assert.equal((await view(host, "/a.txt", { cookie })).headers["x-cache"], "Miss from cloudfront");
});

test("a distribution is changed, tagged, listed and deleted", async () => {
  const Tags = { Items: [{ Key: "a", Value: "1" }] };
  const made = await send("CreateDistributionWithTags", { DistributionConfigWithTags: { DistributionConfig: distribution("tagged"), Tags } });
  const { Id, ARN: Resource } = made.Distribution;
  await send("TagResource", { Resource, Tags: { Items: [{ Key: "b", Value: "2" }] } });
  await send("UntagResource", { Resource, TagKeys: { Items: ["a"] } });
  assert.deepEqual((await send("ListTagsForResource", { Resource })).Tags.Items, [{ Key: "b", Value: "2" }]);
  assert.equal((await send("GetDistribution", { Id })).Distribution.Status, "Deployed");
  const { ETag: IfMatch, DistributionConfig } = await send("GetDistributionConfig", { Id });
  const wrong = { ...DistributionConfig, DefaultRootObject: "/x" };
  await assert.rejects(send("UpdateDistribution", { Id, IfMatch, DistributionConfig: wrong }), sdk.InvalidDefaultRootObject);
  const updated = await send("UpdateDistribution", { Id, IfMatch, DistributionConfig: { ...DistributionConfig, Enabled: false } });
  const { DistributionList } = await send("ListDistributions", {});
  assert.equal(DistributionList.Items.find((item) => item.Id === Id).Enabled, false);
  await send("DeleteDistribution", { Id, IfMatch: updated.ETag });
  await assert.rejects(send("GetDistribution", { Id }), sdk.NoSuchDistribution);
});

everyOperationIsDriven("cloudfront", sdk.CloudFrontClient);
