// A server under test: `cloudlet serve` on a free port of loopback.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts a server; `configuration` is what any SDK client needs, `stop` ends it and says whether it ended well. */
export async function start() {
  const data = mkdtempSync(join(tmpdir(), "cloudlet-test-"));
  const options = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
  const child = spawn(process.env.CLOUDLET_BIN, options, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, CLOUDLET_LOG: "warn" } });
  const endpoint = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const match = line.match(/http:\/\/\S+/);
      if (match) resolve(match[0]);
    });
    child.on("exit", (code) => reject(new Error(`the server ended with status ${code}`)));
  });
  const root = Object.fromEntries(readFileSync(join(data, "root-credentials"), "utf8").trim().split("\n").map((line) => line.split("=", 2)));
  return {
    endpoint,
    configuration: {
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: root.AWS_ACCESS_KEY_ID, secretAccessKey: root.AWS_SECRET_ACCESS_KEY },
    },
    async stop() {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGTERM");
      const code = await ended;
      rmSync(data, { recursive: true });
      return code === 0;
    },
  };
}
