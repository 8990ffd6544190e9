// CloudWatch Logs through aws-sdk v3.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  paginateFilterLogEvents,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  StartQueryCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { start } from "./server.mjs";

const logGroupName = "/app/web";
const logStreamName = "2026/01/01/[$LATEST]x";
const at = Date.now() - 1000;
let server, logs;
before(async () => {
  server = await start();
  logs = new CloudWatchLogsClient(server.configuration);
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { team: "a" } }));
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  const logEvents = ["START", '{"level":"ERROR","ms":12}', "grüße", "END"].map((message, n) => ({ timestamp: at + n, message }));
  await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
});
after(async () => assert.ok(await server.stop()));

const texts = ({ events }) => events.map(({ message }) => message);

test("events are read back in order", async () => {
  const first = await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, limit: 3 }));
  assert.deepEqual(texts(first), ["START", '{"level":"ERROR","ms":12}', "grüße"]);
  assert.equal(first.events[0].timestamp, at);
  const rest = await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, nextToken: first.nextForwardToken }));
  assert.deepEqual(texts(rest), ["END"]);
});

test("events are found by pattern, page by page", async () => {
  const filtered = await logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern: '{ $.level = "ERROR" && $.ms > 10 }' }));
  assert.deepEqual(filtered.events.map(({ timestamp, logStreamName }) => [timestamp, logStreamName]), [[at + 1, logStreamName]]);
  const pages = [];
  for await (const page of paginateFilterLogEvents({ client: logs, pageSize: 3 }, { logGroupName })) pages.push(texts(page).length);
  assert.deepEqual(pages, [3, 1]);
});

test("groups and streams are described", async () => {
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 7 }));
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: "/app" }));
  assert.deepEqual(logGroups.map(({ logGroupName, retentionInDays }) => [logGroupName, retentionInDays]), [[logGroupName, 7]]);
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName, orderBy: "LastEventTime", descending: true }));
  assert.deepEqual(logStreams.map(({ lastEventTimestamp }) => lastEventTimestamp), [at + 3]);
});

test("errors have AWS's names and types", async () => {
  await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName })), ResourceAlreadyExistsException);
  await assert.rejects(logs.send(new GetLogEventsCommand({ logGroupName: "none", logStreamName })), ResourceNotFoundException);
  await assert.rejects(logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 2 })), { name: "InvalidParameterException" });
  const query = { logGroupName, startTime: 0, endTime: 1, queryString: "fields @message" };
  await assert.rejects(logs.send(new StartQueryCommand(query)), { name: "NotImplemented" });
});
