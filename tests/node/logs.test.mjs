// CloudWatch Logs through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DeleteLogStreamCommand,
  DeleteRetentionPolicyCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  ListTagsForResourceCommand,
  ListTagsLogGroupCommand,
  paginateDescribeLogGroups,
  paginateDescribeLogStreams,
  paginateFilterLogEvents,
  PutLogEventsCommand,
  PutLogGroupDeletionProtectionCommand,
  PutRetentionPolicyCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  StartQueryCommand,
  TagLogGroupCommand,
  TagResourceCommand,
  UntagLogGroupCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client, REGION } from "./server.mjs";

const logs = client(CloudWatchLogsClient);
const logGroupName = "/app/web";
const logStreamName = "2026/01/01/[$LATEST]x";
const at = Date.now() - 1000;

before(async () => {
  await logs.send(new CreateLogGroupCommand({ logGroupName }));
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
  const logEvents = ["START", '{"level":"ERROR","ms":12}', "grüße", "END"].map((message, n) => ({ timestamp: at + n, message }));
  await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
});

const texts = ({ events }) => events.map(({ message }) => message);

/** The groups whose names begin so, two a page. */
async function groups(logGroupNamePrefix) {
  const found = [];
  for await (const page of paginateDescribeLogGroups({ client: logs, pageSize: 2 }, { logGroupNamePrefix })) found.push(...page.logGroups);
  return found;
}

/** The streams of a group, two a page. */
async function streams(options) {
  const found = [];
  for await (const page of paginateDescribeLogStreams({ client: logs, pageSize: 2 }, options)) found.push(...page.logStreams);
  return found;
}

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

test("groups are listed, and gone with what was in them", async () => {
  const names = ["life/1", "life/2", "life/3"];
  for (const logGroupName of names) await logs.send(new CreateLogGroupCommand({ logGroupName }));
  const [first, ...others] = await groups("life/");
  assert.deepEqual([first, ...others].map(({ logGroupName }) => logGroupName), names);
  assert.equal(first.logGroupArn, `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:life/1`);
  await logs.send(new DeleteLogGroupCommand({ logGroupName: "life/2" }));
  assert.deepEqual((await groups("life/")).map(({ logGroupName }) => logGroupName), ["life/1", "life/3"]);
});

test("a protected group stays", async () => {
  const logGroupName = "protected";
  await logs.send(new CreateLogGroupCommand({ logGroupName }));
  const protect = (deletionProtectionEnabled) => logs.send(new PutLogGroupDeletionProtectionCommand({ logGroupIdentifier: logGroupName, deletionProtectionEnabled }));
  await protect(true);
  await assert.rejects(logs.send(new DeleteLogGroupCommand({ logGroupName })), { $fault: "client" });
  assert.equal((await groups(logGroupName))[0].deletionProtectionEnabled, true);
  await protect(false);
  await logs.send(new DeleteLogGroupCommand({ logGroupName }));
  assert.deepEqual(await groups(logGroupName), []);
});

test("streams are listed by what happened last, and deleted", async () => {
  const logGroupName = "streams";
  await logs.send(new CreateLogGroupCommand({ logGroupName }));
  for (const [place, logStreamName] of ["c", "a", "b"].entries()) {
    await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: [{ timestamp: at + place * 1000, message: "m" }] }));
  }
  const newest = await streams({ logGroupName, orderBy: "LastEventTime", descending: true });
  assert.deepEqual(newest.map(({ logStreamName, lastEventTimestamp }) => [logStreamName, lastEventTimestamp]), [["b", at + 2000], ["a", at + 1000], ["c", at]]);
  await logs.send(new DeleteLogStreamCommand({ logGroupName, logStreamName: "a" }));
  assert.deepEqual((await streams({ logGroupName })).map(({ logStreamName }) => logStreamName), ["b", "c"]);
  await assert.rejects(logs.send(new GetLogEventsCommand({ logGroupName, logStreamName: "a" })), ResourceNotFoundException);
});

test("events leave when their time is over", async () => {
  const names = { logGroupName: "kept", logStreamName: "s" };
  await logs.send(new CreateLogGroupCommand(names));
  await logs.send(new CreateLogStreamCommand(names));
  for (const [message, age] of [["old", 48 * 3600_000], ["new", 0]]) await logs.send(new PutLogEventsCommand({ ...names, logEvents: [{ timestamp: at - age, message }] }));
  const read = async () => texts(await logs.send(new GetLogEventsCommand({ ...names, startFromHead: true })));
  assert.deepEqual(await read(), ["old", "new"]);
  await logs.send(new PutRetentionPolicyCommand({ logGroupName: "kept", retentionInDays: 1 }));
  assert.equal((await groups("kept"))[0].retentionInDays, 1);
  assert.deepEqual(await read(), ["new"]);
  await logs.send(new DeleteRetentionPolicyCommand({ logGroupName: "kept" }));
  assert.equal((await groups("kept"))[0].retentionInDays, undefined);
});

test("tags, by ARN and by the older operations by name", async () => {
  const logGroupName = "tagged";
  const resourceArn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${logGroupName}`;
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { a: "1", b: "2" } }));
  await logs.send(new TagResourceCommand({ resourceArn, tags: { c: "3" } }));
  await logs.send(new UntagResourceCommand({ resourceArn, tagKeys: ["a"] }));
  assert.deepEqual((await logs.send(new ListTagsLogGroupCommand({ logGroupName }))).tags, { b: "2", c: "3" });
  await logs.send(new TagLogGroupCommand({ logGroupName, tags: { d: "4" } }));
  await logs.send(new UntagLogGroupCommand({ logGroupName, tags: ["b"] }));
  assert.deepEqual((await logs.send(new ListTagsForResourceCommand({ resourceArn }))).tags, { c: "3", d: "4" });
});

test("errors have AWS's names and types", async () => {
  await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName })), ResourceAlreadyExistsException);
  await assert.rejects(logs.send(new GetLogEventsCommand({ logGroupName: "none", logStreamName })), ResourceNotFoundException);
  await assert.rejects(logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 2 })), { name: "InvalidParameterException" });
  const query = { logGroupName, startTime: 0, endTime: 1, queryString: "fields @message" };
  await assert.rejects(logs.send(new StartQueryCommand(query)), { name: "NotImplemented" });
});

everyOperationIsDriven("logs", CloudWatchLogsClient);
