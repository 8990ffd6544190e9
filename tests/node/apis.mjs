// What tests of both kinds of APIs need: the function behind them, and their users.

import { request as send } from "node:http";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { create, handler, lambda } from "./lambda/function.mjs";
import { ACCOUNT, endpoint, REGION } from "./server.mjs";

/** The ARN of a new function that any API may invoke, and that answers with the event. */
export async function functionBehind(FunctionName) {
  const Code = { ZipFile: handler("async (event) => ({ statusCode: 200, body: JSON.stringify(event) })") };
  const { FunctionArn } = await create(FunctionName, { Code });
  const permission = { StatementId: "api", Action: "lambda:InvokeFunction", Principal: "apigateway.amazonaws.com" };
  await lambda.send(new AddPermissionCommand({ FunctionName, ...permission, SourceArn: `arn:aws:execute-api:${REGION}:${ACCOUNT}:*` }));
  return FunctionArn;
}

/** Sends a request as an API's user does; status, headers, and the body read as JSON. */
export async function request(api, path, options) {
  const response = await fetch(`${endpoint}/_aws/execute-api/${api}${path}`, options);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
}

/** Sends a request to a host that this server answers, whatever names lead to it; status and body. */
export function requestAt(host, path) {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const sent = send({ hostname, port, path, headers: { host } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (piece) => (body += piece)).on("end", () => resolve({ status: response.statusCode, body }));
    });
    sent.on("error", reject).end();
  });
}
