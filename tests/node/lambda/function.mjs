// Functions for the tests to work with.

import { CreateFunctionCommand, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { ACCOUNT, client, REGION } from "../server.mjs";
import { functionRole, packageOf } from "../support.mjs";

// One attempt: what fails is seen as it is.
export const lambda = client(LambdaClient, { maxAttempts: 1 });

const role = functionRole("functions");

/** The package of a function whose handler is this JavaScript expression. */
export const handler = (expression) => packageOf("index.mjs", `export const handler = ${expression};`);

/** Answers what it is given, or fails if that says so. */
export const ECHO = handler("async (event) => { if (event.fail) throw new TypeError('told to'); return event; }");

/** Makes a function, which echoes if `more` has no other `Code`. */
export async function create(FunctionName, more) {
  const settings = { Runtime: "nodejs20.x", Handler: "index.handler", Role: await role, Timeout: 20, Code: { ZipFile: ECHO }, ...more };
  return lambda.send(new CreateFunctionCommand({ FunctionName, ...settings }));
}

/** Invokes a function, and has its answer read; `more` may name a version or alias. */
export async function invoke(FunctionName, event = {}, more = {}) {
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), ...more }));
  const text = answer.Payload?.transformToString();
  return { ...answer, value: text ? JSON.parse(text) : undefined };
}

export const arn = (name) => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;
