// What aws-sdk v3 sends in parts by itself: streams, many parts at once, and an upload that is given up.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { client } from "./server.mjs";
import { until } from "./support.mjs";

const s3 = client(S3Client, { forcePathStyle: true });
const Bucket = "node-storage";
const LARGE = randomBytes((11 << 20) + 7);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const stored = async (Key) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body.transformToByteArray();
const pieces = () => Readable.from((function* () {
  for (let at = 0; at < LARGE.length; at += 100_000) yield LARGE.subarray(at, at + 100_000);
})());

test.before(() => s3.send(new CreateBucketCommand({ Bucket })));

test("streams go in parts, small things at once", async () => {
  const seen = [];
  const upload = new Upload({
    client: s3,
    params: { Bucket, Key: "streamed", Body: pieces(), ContentType: "video/mp4", Metadata: { own: "mine" } },
    tags: [{ Key: "a", Value: "1" }],
    partSize: 5 << 20,
    queueSize: 3,
  });
  upload.on("httpUploadProgress", ({ part }) => seen.push(part));
  await upload.done();
  assert.deepEqual(seen.sort(), [1, 2, 3]);
  assert.equal(sha256(await stored("streamed")), sha256(LARGE));
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "streamed" }));
  assert.match(head.ETag, /-3"$/);
  assert.deepEqual([head.ContentType, head.Metadata], ["video/mp4", { own: "mine" }]);
  assert.deepEqual((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "streamed" }))).TagSet, [{ Key: "a", Value: "1" }]);
  await new Upload({ client: s3, params: { Bucket, Key: "small", Body: "abc" } }).done();
  assert.equal(Buffer.from(await stored("small")).toString(), "abc");
});

test("what is given up leaves nothing", async () => {
  const upload = new Upload({ client: s3, params: { Bucket, Key: "given-up", Body: pieces() }, partSize: 5 << 20, queueSize: 1 });
  upload.on("httpUploadProgress", () => upload.abort());
  await assert.rejects(upload.done(), { name: "AbortError" });
  await assert.rejects(stored("given-up"), { name: "NoSuchKey" });
  // The client says so after it has told its user.
  await until(async () => !(await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads, "the upload's end");
});
