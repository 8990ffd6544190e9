// Lambda through aws-sdk v3: function URLs, and answers that stream.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AddPermissionCommand,
  CreateFunctionUrlConfigCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionUrlConfigCommand,
  InvokeWithResponseStreamCommand,
  ListFunctionUrlConfigsCommand,
  ResourceNotFoundException,
  UpdateFunctionUrlConfigCommand,
} from "@aws-sdk/client-lambda";
import { create, handler, lambda } from "./function.mjs";

const STREAMS = handler("awslambda.streamifyResponse(async (event, stream) => { stream.write('first '); if (event.fail) throw new RangeError('told to'); stream.end('last'); })");

/** All events of a streamed answer. */
async function events(FunctionName, event) {
  const answer = await lambda.send(new InvokeWithResponseStreamCommand({ FunctionName, Payload: JSON.stringify(event), LogType: "Tail" }));
  assert.equal(answer.StatusCode, 200);
  const all = [];
  for await (const event of answer.EventStream) all.push(event);
  return all;
}

const text = (event) => Buffer.from(event.PayloadChunk.Payload).toString();

test("an answer comes as a stream of events", async () => {
  const FunctionName = "streams";
  await create(FunctionName, { Code: { ZipFile: STREAMS } });
  const [first, last, end] = await events(FunctionName, {});
  assert.deepEqual([text(first), text(last), end.InvokeComplete.ErrorCode], ["first ", "last", undefined]);
  assert.ok(Buffer.from(end.InvokeComplete.LogResult, "base64").toString().includes("REPORT RequestId"));
  const failed = await events(FunctionName, { fail: true });
  assert.equal(JSON.parse(failed.at(-1).InvokeComplete.ErrorDetails).errorType, "RangeError");
});

test("a function URL is made, used, changed and deleted", async () => {
  const FunctionName = "address";
  await create(FunctionName);
  const { FunctionUrl } = await lambda.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: "NONE" }));
  assert.equal((await fetch(FunctionUrl)).status, 403);
  const statement = { StatementId: "all", Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionUrlAuthType: "NONE" };
  await lambda.send(new AddPermissionCommand({ FunctionName, ...statement }));
  assert.equal((await fetch(FunctionUrl)).status, 403);
  const invoking = { StatementId: "invoke", Action: "lambda:InvokeFunction", Principal: "*", InvokedViaFunctionUrl: true };
  await lambda.send(new AddPermissionCommand({ FunctionName, ...invoking }));
  const event = await (await fetch(`${FunctionUrl}a?x=1`)).json();
  assert.deepEqual([event.rawPath, event.rawQueryString, event.version], ["/a", "x=1", "2.0"]);
  await lambda.send(new UpdateFunctionUrlConfigCommand({ FunctionName, InvokeMode: "RESPONSE_STREAM" }));
  assert.equal((await lambda.send(new GetFunctionUrlConfigCommand({ FunctionName }))).InvokeMode, "RESPONSE_STREAM");
  assert.equal((await lambda.send(new ListFunctionUrlConfigsCommand({ FunctionName }))).FunctionUrlConfigs.length, 1);
  await lambda.send(new DeleteFunctionUrlConfigCommand({ FunctionName }));
  await assert.rejects(lambda.send(new GetFunctionUrlConfigCommand({ FunctionName })), ResourceNotFoundException);
});
