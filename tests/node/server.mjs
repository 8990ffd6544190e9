// The server under test, one for each test file: `cloudlet serve` on a free port of loopback, and clients for it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { note } from "./driven.mjs";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

const data = mkdtempSync(join(tmpdir(), "cloudlet-test-"));
const options = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
const child = spawn(process.env.CLOUDLET_BIN, options, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, CLOUDLET_LOG: "warn" } });
const ended = new Promise((resolve) => child.on("exit", resolve));
// Where a test file cannot even be loaded, `after` is not called.
process.on("exit", () => child.kill("SIGKILL"));

/** Where the server answers. */
export const endpoint = await new Promise((resolve, reject) => {
  createInterface(child.stdout).on("line", (line) => {
    const match = line.match(/http:\/\/\S+/);
    if (match) resolve(match[0]);
  });
  ended.then((code) => reject(new Error(`the server ended with status ${code}`)));
});

after(async () => {
  child.kill("SIGTERM");
  assert.equal(await ended, 0, "the server did not end in good order");
  rmSync(data, { recursive: true });
});

const root = Object.fromEntries(readFileSync(join(data, "root-credentials"), "utf8").trim().split("\n").map((line) => line.split("=", 2)));

/** The credentials of the root user. */
export const rootCredentials = { accessKeyId: root.AWS_ACCESS_KEY_ID, secretAccessKey: root.AWS_SECRET_ACCESS_KEY };

/** A client of a service: as root, unless `more` has other `credentials`. What it is answered counts as driven. */
export function client(Client, more = {}) {
  return note(new Client({ endpoint, region: REGION, credentials: rootCredentials, ...more }));
}
