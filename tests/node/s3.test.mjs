// S3 through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketCorsCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketOwnershipControlsCommand,
  DeleteBucketPolicyCommand,
  DeleteBucketTaggingCommand,
  DeleteBucketWebsiteCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  DeletePublicAccessBlockCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketLoggingCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetBucketWebsiteCommand,
  GetObjectAclCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  GetObjectTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectVersionsCommand,
  ListPartsCommand,
  NoSuchBucket,
  NoSuchKey,
  NotFound,
  paginateListObjectsV2,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketLoggingCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutBucketWebsiteCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { everyOperationIsDriven } from "./driven.mjs";
import { client, endpoint } from "./server.mjs";

const s3 = client(S3Client, { forcePathStyle: true });
const send = (command) => s3.send(command);
const text = async (answer) => answer.Body.transformToString();
const PART = 5 << 20;
const md5 = (bytes) => createHash("md5").update(bytes).digest("hex");

async function bucket(name) {
  await send(new CreateBucketCommand({ Bucket: name }));
  return name;
}

test("buckets", async () => {
  const Bucket = await bucket("node-buckets");
  assert.equal((await send(new HeadBucketCommand({ Bucket }))).BucketRegion, "us-east-1");
  assert.equal((await send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint, undefined);
  const { Buckets } = await send(new ListBucketsCommand({ Prefix: Bucket }));
  assert.deepEqual(Buckets.map(({ Name }) => Name), [Bucket]);
  await send(new DeleteBucketCommand({ Bucket }));
  await assert.rejects(send(new HeadBucketCommand({ Bucket })), NotFound);
  await assert.rejects(send(new ListObjectsCommand({ Bucket })), NoSuchBucket);
});

test("objects, whole and in part", async () => {
  const Bucket = await bucket("node-objects");
  const Body = randomBytes(100_000);
  for (const [Key, body] of [["bytes", Body], ["stream", Readable.from([Body.subarray(0, 70_000), Body.subarray(70_000)])]]) {
    const put = await send(new PutObjectCommand({ Bucket, Key, Body: body, ContentLength: Body.length, ContentType: "image/png", Metadata: { a: "1" } }));
    assert.equal(put.ETag, `"${md5(Body)}"`);
    const got = await send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
    assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), Body);
    assert.deepEqual([got.ContentType, got.Metadata, got.ChecksumCRC32 ?? got.ChecksumCRC64NVME].map(Boolean), [true, true, true]);
  }
  const part = await send(new GetObjectCommand({ Bucket, Key: "bytes", Range: "bytes=10-19" }));
  assert.deepEqual([Buffer.from(await part.Body.transformToByteArray()), part.ContentRange], [Body.subarray(10, 20), "bytes 10-19/100000"]);
  assert.equal((await send(new HeadObjectCommand({ Bucket, Key: "bytes" }))).ContentLength, 100_000);
  const attributes = await send(new GetObjectAttributesCommand({ Bucket, Key: "bytes", ObjectAttributes: ["ObjectSize", "Checksum"] }));
  assert.equal(attributes.ObjectSize, 100_000);
  await send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/bytes` }));
  const { Contents } = await send(new ListObjectsCommand({ Bucket }));
  assert.deepEqual(Contents.map(({ Key, Size }) => [Key, Size]), [["bytes", 100_000], ["copy", 100_000], ["stream", 100_000]]);
  await send(new DeleteObjectCommand({ Bucket, Key: "copy" }));
  const { Deleted } = await send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "bytes" }, { Key: "stream" }] } }));
  assert.equal(Deleted.length, 2);
  await assert.rejects(send(new GetObjectCommand({ Bucket, Key: "copy" })), NoSuchKey);
});

test("lists in pages", async () => {
  const Bucket = await bucket("node-lists");
  for (const Key of ["a b/1", "a b/2", "c", "d/ä"]) await send(new PutObjectCommand({ Bucket, Key, Body: "" }));
  const [keys, prefixes] = [[], []];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket, Delimiter: "/", EncodingType: "url" })) {
    keys.push(...(page.Contents ?? []).map(({ Key }) => decodeURIComponent(Key)));
    prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => decodeURIComponent(Prefix)));
  }
  assert.deepEqual([keys, prefixes], [["c"], ["a b/", "d/"]]);
});

test("presigned URLs, with and without headers in the query", async () => {
  const Bucket = await bucket("node-presigned");
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "ä b", Metadata: { m: "1" }, ContentType: "text/plain" }), { expiresIn: 60 });
  // The checksum is of no bytes: what is signed ahead has none yet.
  assert.ok(put.includes("x-amz-meta-m") && put.includes("x-amz-checksum-crc32=AAAAAA"));
  const sent = await fetch(put, { method: "PUT", body: "hello", headers: { "content-type": "text/plain" } });
  assert.equal(sent.status, 200, await sent.text());
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "ä b" }), { expiresIn: 60 });
  const got = await fetch(get);
  assert.deepEqual([await got.text(), got.headers.get("x-amz-meta-m")], ["hello", "1"]);
  assert.equal((await fetch(get.replace("node-presigned", "node-lists"))).status, 403);
  const head = await getSignedUrl(s3, new HeadObjectCommand({ Bucket, Key: "ä b" }), { expiresIn: 60 });
  assert.equal((await fetch(head, { method: "HEAD" })).headers.get("content-length"), "5");
  const remove = await getSignedUrl(s3, new DeleteObjectCommand({ Bucket, Key: "ä b" }), { expiresIn: 60 });
  assert.equal((await fetch(remove, { method: "DELETE" })).status, 204);
  assert.equal((await fetch(get)).status, 404);
});

test("forms that are signed ahead", async () => {
  const Bucket = await bucket("node-forms");
  const Fields = { acl: "private", success_action_status: "201" };
  const Conditions = [["content-length-range", 1, 200_000], ["starts-with", "$Content-Type", "image/"]];
  const { url, fields } = await createPresignedPost(s3, { Bucket, Key: "in/${filename}", Fields, Conditions, Expires: 60 });
  const post = (bytes, type = "image/png") => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, "Content-Type": type })) form.append(name, value);
    form.append("file", new Blob([bytes]), "a.png");
    return fetch(url, { method: "POST", body: form });
  };
  const Body = randomBytes(100_000);
  const sent = await post(Body);
  assert.equal(sent.status, 201, await sent.clone().text());
  assert.match(await sent.text(), /<Key>in\/a\.png<\/Key>/);
  const got = await send(new GetObjectCommand({ Bucket, Key: "in/a.png" }));
  assert.deepEqual([Buffer.from(await got.Body.transformToByteArray()), got.ContentType], [Body, "image/png"]);
  assert.deepEqual([(await post(Body, "text/html")).status, (await post(randomBytes(200_001))).status], [403, 400]);
});

test("websites", async () => {
  const Bucket = await bucket("node-website");
  const WebsiteConfiguration = { IndexDocument: { Suffix: "index.html" }, RoutingRules: [{ Condition: { KeyPrefixEquals: "a/" }, Redirect: { ReplaceKeyPrefixWith: "b/" } }] };
  await send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
  const { IndexDocument, RoutingRules } = await send(new GetBucketWebsiteCommand({ Bucket }));
  assert.deepEqual({ IndexDocument, RoutingRules }, WebsiteConfiguration);
  // Nobody in particular may see it.
  assert.equal((await fetch(`${endpoint}/_aws/s3-website/${Bucket}/`)).status, 403);
  await send(new DeleteBucketWebsiteCommand({ Bucket }));
  await assert.rejects(send(new GetBucketWebsiteCommand({ Bucket })), { name: "NoSuchWebsiteConfiguration" });
});

test("uploads in parts", async () => {
  const Bucket = await bucket("node-parts");
  const [first, last] = [randomBytes(PART), randomBytes(1_000)];
  const { UploadId } = await send(new CreateMultipartUploadCommand({ Bucket, Key: "k", ChecksumAlgorithm: "SHA256" }));
  const upload = { Bucket, Key: "k", UploadId };
  const one = await send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: first, ChecksumAlgorithm: "SHA256" }));
  await send(new PutObjectCommand({ Bucket, Key: "source", Body: Buffer.concat([last, last]) }));
  const two = await send(new UploadPartCopyCommand({ ...upload, PartNumber: 2, CopySource: `${Bucket}/source`, CopySourceRange: "bytes=1000-1999" }));
  const { Uploads } = await send(new ListMultipartUploadsCommand({ Bucket }));
  assert.deepEqual(Uploads.map(({ UploadId }) => UploadId), [UploadId]);
  const { Parts } = await send(new ListPartsCommand(upload));
  assert.deepEqual(Parts.map(({ PartNumber, Size }) => [PartNumber, Size]), [[1, PART], [2, 1_000]]);
  const named = [
    { PartNumber: 1, ETag: one.ETag, ChecksumSHA256: one.ChecksumSHA256 },
    { PartNumber: 2, ETag: two.CopyPartResult.ETag, ChecksumSHA256: two.CopyPartResult.ChecksumSHA256 },
  ];
  const whole = await send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: named } }));
  assert.match(whole.ETag, /^"[0-9a-f]{32}-2"$/);
  assert.match(whole.ChecksumSHA256, /-2$/);
  const got = await send(new GetObjectCommand({ Bucket, Key: "k" }));
  assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), Buffer.concat([first, last]));
  const other = await send(new CreateMultipartUploadCommand({ Bucket, Key: "other" }));
  await send(new AbortMultipartUploadCommand({ Bucket, Key: "other", UploadId: other.UploadId }));
  await assert.rejects(send(new ListPartsCommand({ Bucket, Key: "other", UploadId: other.UploadId })), { name: "NoSuchUpload" });
});

test("versions", async () => {
  const Bucket = await bucket("node-versions");
  await send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  assert.equal((await send(new GetBucketVersioningCommand({ Bucket }))).Status, "Enabled");
  const { VersionId } = await send(new PutObjectCommand({ Bucket, Key: "k", Body: "1" }));
  await send(new PutObjectCommand({ Bucket, Key: "k", Body: "2" }));
  await send(new DeleteObjectCommand({ Bucket, Key: "k" }));
  assert.equal(await text(await send(new GetObjectCommand({ Bucket, Key: "k", VersionId }))), "1");
  const { Versions, DeleteMarkers } = await send(new ListObjectVersionsCommand({ Bucket }));
  assert.deepEqual([Versions.length, DeleteMarkers.length, DeleteMarkers[0].IsLatest], [2, 1, true]);
});

test("a customer's own key", async () => {
  const Bucket = await bucket("node-customer-key");
  // The client wants it in base64 with its MD5, or as bytes.
  const own = { SSECustomerAlgorithm: "AES256", SSECustomerKey: randomBytes(32) };
  for (const [Key, Body] of [["small", Buffer.from("abc")], ["large", randomBytes(200_003)]]) {
    await send(new PutObjectCommand({ Bucket, Key, Body, ...own }));
    const got = await send(new GetObjectCommand({ Bucket, Key, ...own }));
    assert.equal(got.SSECustomerAlgorithm, "AES256");
    assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), Body);
    await assert.rejects(send(new GetObjectCommand({ Bucket, Key })), { name: "InvalidRequest" });
    await assert.rejects(send(new GetObjectCommand({ Bucket, Key, ...own, SSECustomerKey: randomBytes(32) })), { name: "AccessDenied" });
    const copy = { Bucket, Key: `${Key}-copy`, CopySource: `${Bucket}/${Key}` };
    await send(new CopyObjectCommand({ ...copy, CopySourceSSECustomerAlgorithm: "AES256", CopySourceSSECustomerKey: own.SSECustomerKey }));
    const copied = await send(new GetObjectCommand({ Bucket, Key: `${Key}-copy` }));
    assert.deepEqual(Buffer.from(await copied.Body.transformToByteArray()), Body);
  }
});

test("what a bucket says beside its objects", async () => {
  const Bucket = await bucket("node-settings");
  await send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
  const TagSet = [{ Key: "a", Value: "1" }];
  await send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  assert.deepEqual((await send(new GetBucketTaggingCommand({ Bucket }))).TagSet, TagSet);
  await send(new DeleteBucketTaggingCommand({ Bucket }));
  await send(new PutObjectTaggingCommand({ Bucket, Key: "k", Tagging: { TagSet } }));
  assert.deepEqual((await send(new GetObjectTaggingCommand({ Bucket, Key: "k" }))).TagSet, TagSet);
  await send(new DeleteObjectTaggingCommand({ Bucket, Key: "k" }));
  const CORSRules = [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"] }];
  await send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  assert.deepEqual((await send(new GetBucketCorsCommand({ Bucket }))).CORSRules, CORSRules);
  await send(new DeleteBucketCorsCommand({ Bucket }));
  const ServerSideEncryptionConfiguration = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" }, BucketKeyEnabled: true }] };
  await send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
  assert.deepEqual((await send(new GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration, ServerSideEncryptionConfiguration);
  await send(new DeleteBucketEncryptionCommand({ Bucket }));
  const OwnershipControls = (await send(new GetBucketOwnershipControlsCommand({ Bucket }))).OwnershipControls;
  assert.equal(OwnershipControls.Rules[0].ObjectOwnership, "BucketOwnerEnforced");
  await send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls }));
  await send(new DeleteBucketOwnershipControlsCommand({ Bucket }));
  const { Grants, Owner } = await send(new GetBucketAclCommand({ Bucket }));
  assert.deepEqual(Grants.map(({ Grantee, Permission }) => [Grantee.Type, Grantee.ID, Permission]), [["CanonicalUser", Owner.ID, "FULL_CONTROL"]]);
  await send(new PutBucketAclCommand({ Bucket, ACL: "private" }));
  assert.equal((await send(new GetObjectAclCommand({ Bucket, Key: "k" }))).Grants.length, 1);
  await send(new PutObjectAclCommand({ Bucket, Key: "k", AccessControlPolicy: { Grants, Owner } }));
  await assert.rejects(send(new PutObjectAclCommand({ Bucket, Key: "k", ACL: "public-read" })), /BlockPublicAcls/);
});

test("policies, and what keeps them from opening a bucket", async () => {
  const Bucket = await bucket("node-policies");
  const statement = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  assert.equal((await send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration.BlockPublicPolicy, true);
  await assert.rejects(send(new PutBucketPolicyCommand({ Bucket, Policy })), { name: "AccessDenied" });
  await send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: { BlockPublicPolicy: false } }));
  await send(new PutBucketPolicyCommand({ Bucket, Policy }));
  assert.equal((await send(new GetBucketPolicyCommand({ Bucket }))).Policy, Policy);
  assert.equal((await send(new GetBucketPolicyStatusCommand({ Bucket }))).PolicyStatus.IsPublic, true);
  await send(new PutObjectCommand({ Bucket, Key: "k", Body: "for everybody" }));
  assert.equal(await (await fetch(`${endpoint}/${Bucket}/k`)).text(), "for everybody");
  await send(new DeleteBucketPolicyCommand({ Bucket }));
  await send(new DeletePublicAccessBlockCommand({ Bucket }));
  assert.equal((await fetch(`${endpoint}/${Bucket}/k`)).status, 403);
});

test("access logs", async () => {
  const Bucket = await bucket("node-logged");
  const TargetBucket = await bucket("node-logs");
  const LoggingEnabled = { TargetBucket, TargetPrefix: "a/", TargetObjectKeyFormat: { PartitionedPrefix: { PartitionDateSource: "DeliveryTime" } } };
  await send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: { LoggingEnabled } }));
  assert.deepEqual((await send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled, LoggingEnabled);
  const nowhere = { LoggingEnabled: { TargetBucket: "node-none", TargetPrefix: "" } };
  await assert.rejects(send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: nowhere })), { name: "InvalidTargetBucketForLogging" });
  await send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: {} }));
  assert.equal((await send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled, undefined);
});

test("notifications", async () => {
  const Bucket = await bucket("node-notifications");
  const wanted = { Id: "q", QueueArn: "arn:aws:sqs:us-east-1:000000000000:q", Events: ["s3:ObjectCreated:*"], Filter: { Key: { FilterRules: [{ Name: "prefix", Value: "in/" }] } } };
  const NotificationConfiguration = { QueueConfigurations: [wanted], EventBridgeConfiguration: {} };
  await assert.rejects(send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration })), {
    name: "InvalidArgument",
    message: "Unable to validate the following destination configurations",
    ArgumentValue1: "The destination queue does not exist",
  });
  await send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration, SkipDestinationValidation: true }));
  const { QueueConfigurations, EventBridgeConfiguration } = await send(new GetBucketNotificationConfigurationCommand({ Bucket }));
  assert.deepEqual(QueueConfigurations, [wanted]);
  assert.ok(EventBridgeConfiguration);
});

test("locks", async () => {
  const Bucket = "node-locks";
  await send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } } };
  await send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  assert.deepEqual((await send(new GetObjectLockConfigurationCommand({ Bucket }))).ObjectLockConfiguration, ObjectLockConfiguration);
  const { VersionId } = await send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
  const RetainUntilDate = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2 * 24 * 60 * 60 * 1000);
  await send(new PutObjectRetentionCommand({ Bucket, Key: "k", VersionId, Retention: { Mode: "GOVERNANCE", RetainUntilDate } }));
  assert.deepEqual((await send(new GetObjectRetentionCommand({ Bucket, Key: "k" }))).Retention, { Mode: "GOVERNANCE", RetainUntilDate });
  await send(new PutObjectLegalHoldCommand({ Bucket, Key: "k", LegalHold: { Status: "ON" } }));
  const bypass = { Bucket, Key: "k", VersionId, BypassGovernanceRetention: true };
  await assert.rejects(send(new DeleteObjectCommand(bypass)), { name: "AccessDenied" });
  await send(new PutObjectLegalHoldCommand({ Bucket, Key: "k", LegalHold: { Status: "OFF" } }));
  assert.equal((await send(new GetObjectLegalHoldCommand({ Bucket, Key: "k" }))).LegalHold.Status, "OFF");
  await send(new DeleteObjectCommand(bypass));
});

test("lifecycles", async () => {
  const Bucket = await bucket("node-lifecycles");
  const Rules = [
    { ID: "a", Status: "Enabled", Filter: { Prefix: "a/" }, Expiration: { Days: 1 } },
    { ID: "b", Status: "Enabled", Filter: { And: { Prefix: "b/", Tags: [{ Key: "k", Value: "v" }] } }, NoncurrentVersionExpiration: { NoncurrentDays: 3 } },
  ];
  await send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  assert.deepEqual((await send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules, Rules);
  assert.match((await send(new PutObjectCommand({ Bucket, Key: "a/k", Body: "x" }))).Expiration, /rule-id="a"/);
  await send(new DeleteBucketLifecycleCommand({ Bucket }));
  await assert.rejects(send(new GetBucketLifecycleConfigurationCommand({ Bucket })), { name: "NoSuchLifecycleConfiguration" });
});

everyOperationIsDriven("s3", S3Client);
