// HTTPS, as Node's SDK uses it: over HTTP/1.1, and over HTTP/2 as Kinesis's client does by itself.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "cloudlet-tls-"));
const [certificate, key, data] = ["certificate.pem", "key.pem", "data"].map((name) => join(folder, name));
const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", ...subject], { stdio: "ignore" });

const options = ["serve", "--data", data, "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key];
const child = spawn(process.env.CLOUDLET_BIN, options, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, CLOUDLET_LOG: "warn" } });
const ended = new Promise((resolve) => child.on("exit", resolve));
process.on("exit", () => child.kill("SIGKILL"));
const endpoint = await new Promise((resolve, reject) => {
  createInterface(child.stdout).on("line", (line) => {
    const match = line.match(/https:\/\/\S+/);
    if (match) resolve(match[0]);
  });
  ended.then((code) => reject(new Error(`the server ended with status ${code}`)));
});

after(async () => {
  child.kill("SIGTERM");
  assert.equal(await ended, 0, "the server did not end in good order");
  rmSync(folder, { recursive: true });
});

const root = Object.fromEntries(readFileSync(join(data, "root-credentials"), "utf8").trim().split("\n").map((line) => line.split("=", 2)));

/** Runs a script in a process that trusts the certificate: Node reads those to trust when it starts. */
function trusting(script, more = { NODE_EXTRA_CA_CERTS: certificate }) {
  const env = { ...process.env, ...root, AWS_REGION: "us-east-1", AWS_ENDPOINT_URL: endpoint, AWS_MAX_ATTEMPTS: "1", ...more };
  return execFileSync(process.execPath, ["--input-type=module", "-e", script], { env, cwd: import.meta.dirname, encoding: "utf8" }).trim();
}

test("queues and objects over HTTP/1.1", () => {
  const script = `
    import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
    import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
    console.log((await new SQSClient().send(new CreateQueueCommand({ QueueName: "q" }))).QueueUrl);
    const s3 = new S3Client({ forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: "over-tls" }));
    await s3.send(new PutObjectCommand({ Bucket: "over-tls", Key: "a", Body: "hello" }));
    console.log(await (await s3.send(new GetObjectCommand({ Bucket: "over-tls", Key: "a" }))).Body.transformToString());`;
  const [url, body] = trusting(script).split("\n");
  assert.ok(url.startsWith(`${endpoint}/`), url);
  assert.equal(body, "hello");
});

test("streams over HTTP/2", () => {
  const script = `
    import { CreateStreamCommand, KinesisClient, ListStreamsCommand } from "@aws-sdk/client-kinesis";
    const kinesis = new KinesisClient();
    await kinesis.send(new CreateStreamCommand({ StreamName: "s", ShardCount: 1 }));
    console.log((await kinesis.send(new ListStreamsCommand({}))).StreamNames.join(), kinesis.config.requestHandler.metadata.handlerProtocol);
    process.exit(0);`;
  assert.equal(trusting(script), "s h2");
});

test("nobody is trusted without a reason", () => {
  const script = `
    import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
    console.log(await new SQSClient().send(new ListQueuesCommand({})).then(() => "trusted", (error) => error.code));`;
  assert.match(trusting(script, {}), /SELF_SIGNED|UNABLE_TO_VERIFY/);
});
