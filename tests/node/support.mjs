// What tests of several services need.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { client, endpoint, rootCredentials } from "./server.mjs";

/** Polls until `condition()` has a value that is true, and returns it. */
export async function until(condition, what, seconds = 30) {
  for (const deadline = Date.now() + seconds * 1000; ; await pause(20)) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `${what}: not within ${seconds} s`);
  }
}

/** A policy document with one statement that allows. */
export const allow = (Action, more) => JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, ...more }] });

/** The document of a role that `Principal` may assume. */
export const trust = (Principal) => allow("sts:AssumeRole", { Principal });

/** The ARN of a new role that functions may have. */
export async function functionRole(RoleName) {
  const command = new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust({ Service: "lambda.amazonaws.com" }) });
  return (await client(IAMClient).send(command)).Role.Arn;
}

/** A zip file with one file, which may be in folders; Python's own module makes it, for Node has none. */
export function packageOf(path, text) {
  const folder = mkdtempSync(join(tmpdir(), "cloudlet-package-"));
  mkdirSync(join(folder, dirname(path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  execFileSync("python3", ["-m", "zipfile", "-c", "package.zip", path.split("/")[0]], { cwd: folder });
  const zip = readFileSync(join(folder, "package.zip"));
  rmSync(folder, { recursive: true });
  return zip;
}

/** The mails that stayed in the server's mailbox, the newest first. */
export function mails() {
  const env = { ...process.env, AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: rootCredentials.accessKeyId, AWS_SECRET_ACCESS_KEY: rootCredentials.secretAccessKey };
  return JSON.parse(execFileSync(process.env.CLOUDLET_BIN, ["mail", "--json"], { encoding: "utf8", env })).Mails;
}
