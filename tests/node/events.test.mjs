// EventBridge through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  CancelReplayCommand,
  CreateApiDestinationCommand,
  CreateArchiveCommand,
  CreateConnectionCommand,
  CreateEventBusCommand,
  DeauthorizeConnectionCommand,
  DeleteApiDestinationCommand,
  DeleteArchiveCommand,
  DeleteConnectionCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeApiDestinationCommand,
  DescribeArchiveCommand,
  DescribeConnectionCommand,
  DescribeEventBusCommand,
  DescribeReplayCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  InvalidEventPatternException,
  ListApiDestinationsCommand,
  ListArchivesCommand,
  ListConnectionsCommand,
  ListEventBusesCommand,
  ListReplaysCommand,
  ListRuleNamesByTargetCommand,
  ListRulesCommand,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemovePermissionCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException,
  StartReplayCommand,
  TagResourceCommand,
  TestEventPatternCommand,
  UntagResourceCommand,
  UpdateApiDestinationCommand,
  UpdateArchiveCommand,
  UpdateConnectionCommand,
  UpdateEventBusCommand,
} from "@aws-sdk/client-eventbridge";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client, endpoint, REGION } from "./server.mjs";
import { allow, trust } from "./support.mjs";

const events = client(EventBridgeClient);
const sqs = client(SQSClient);
const EventBusName = "orders";
const Rule = "shipped";
const Arn = `arn:aws:sqs:${REGION}:${ACCOUNT}:shipping`;
let QueueUrl;
let BusArn;

before(async () => {
  const statement = { Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sqs:SendMessage", Resource: Arn };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "shipping", Attributes: { Policy } }))).QueueUrl;
  BusArn = (await events.send(new CreateEventBusCommand({ Name: EventBusName }))).EventBusArn;
});

test("an event reaches a queue through a bus of its own", async () => {
  const EventPattern = JSON.stringify({ "detail-type": ["shipped"], detail: { weight: [{ numeric: [">", 10] }] } });
  const { RuleArn } = await events.send(new PutRuleCommand({ Name: Rule, EventBusName, EventPattern }));
  const { FailedEntryCount } = await events.send(new PutTargetsCommand({ Rule, EventBusName, Targets: [{ Id: "q", Arn }] }));
  assert.equal(FailedEntryCount, 0);
  const entry = (weight) => ({ EventBusName, Source: "shop", DetailType: "shipped", Detail: JSON.stringify({ weight }), Time: new Date(0) });
  const { Entries } = await events.send(new PutEventsCommand({ Entries: [entry(5), entry(11), { EventBusName, Source: "shop" }] }));
  assert.deepEqual(Entries.map(({ ErrorCode }) => ErrorCode), [undefined, undefined, "InvalidArgument"]);
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  const event = JSON.parse(Messages[0].Body);
  assert.deepEqual([event.id, event.time, event.detail], [Entries[1].EventId, "1970-01-01T00:00:00Z", { weight: 11 }]);

  await events.send(new DisableRuleCommand({ Name: Rule, EventBusName }));
  assert.equal((await events.send(new DescribeRuleCommand({ Name: Rule, EventBusName }))).State, "DISABLED");
  await events.send(new EnableRuleCommand({ Name: Rule, EventBusName }));
  const { Rules } = await events.send(new ListRulesCommand({ EventBusName }));
  assert.deepEqual(Rules.map((found) => [found.Arn, found.State]), [[RuleArn, "ENABLED"]]);
  const { RuleNames } = await events.send(new ListRuleNamesByTargetCommand({ EventBusName, TargetArn: Arn }));
  const { Targets } = await events.send(new ListTargetsByRuleCommand({ EventBusName, Rule }));
  assert.deepEqual([RuleNames, Targets], [[Rule], [{ Id: "q", Arn }]]);
  await events.send(new TagResourceCommand({ ResourceARN: RuleArn, Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] }));
  await events.send(new UntagResourceCommand({ ResourceARN: RuleArn, TagKeys: ["a"] }));
  assert.deepEqual((await events.send(new ListTagsForResourceCommand({ ResourceARN: RuleArn }))).Tags, [{ Key: "b", Value: "2" }]);
});

test("patterns are tried", async () => {
  const Event = JSON.stringify({ id: "1", source: "s", "detail-type": "t", account: ACCOUNT, region: REGION, time: "2022-07-13T13:48:01Z" });
  const tried = (EventPattern) => events.send(new TestEventPatternCommand({ Event, EventPattern }));
  assert.equal((await tried('{"source":[{"prefix":"s"}]}')).Result, true);
  await assert.rejects(tried('{"source":"s"}'), InvalidEventPatternException);
});

test("archives are replayed", async () => {
  const { ArchiveArn } = await events.send(new CreateArchiveCommand({ ArchiveName: "all", EventSourceArn: BusArn }));
  await events.send(new UpdateArchiveCommand({ ArchiveName: "all", RetentionDays: 3 }));
  assert.equal((await events.send(new DescribeArchiveCommand({ ArchiveName: "all" }))).RetentionDays, 3);
  assert.equal((await events.send(new ListArchivesCommand({ EventSourceArn: BusArn }))).Archives.length, 1);
  const window = { EventStartTime: new Date(0), EventEndTime: new Date(1e12) };
  await events.send(new StartReplayCommand({ ReplayName: "again", EventSourceArn: ArchiveArn, Destination: { Arn: BusArn }, ...window }));
  assert.equal((await events.send(new CancelReplayCommand({ ReplayName: "again" }))).State, "CANCELLING");
  assert.equal((await events.send(new DescribeReplayCommand({ ReplayName: "again" }))).EventSourceArn, ArchiveArn);
  assert.equal((await events.send(new ListReplaysCommand({ NamePrefix: "ag" }))).Replays.length, 1);
  await events.send(new DeleteArchiveCommand({ ArchiveName: "all" }));
});

test("API destinations have connections", async () => {
  const ApiKeyAuthParameters = { ApiKeyName: "x-key", ApiKeyValue: "hush" };
  const connection = { Name: "shop", AuthorizationType: "API_KEY", AuthParameters: { ApiKeyAuthParameters } };
  const { ConnectionArn } = await events.send(new CreateConnectionCommand(connection));
  await events.send(new UpdateConnectionCommand({ Name: "shop", Description: "d" }));
  const described = await events.send(new DescribeConnectionCommand({ Name: "shop" }));
  assert.deepEqual(described.AuthParameters.ApiKeyAuthParameters, { ApiKeyName: "x-key" });
  assert.equal((await events.send(new ListConnectionsCommand({}))).Connections.length, 1);
  const destination = { Name: "shop", ConnectionArn, InvocationEndpoint: "https://example.com/", HttpMethod: "POST" };
  await events.send(new CreateApiDestinationCommand(destination));
  await events.send(new UpdateApiDestinationCommand({ Name: "shop", HttpMethod: "PUT" }));
  assert.equal((await events.send(new DescribeApiDestinationCommand({ Name: "shop" }))).HttpMethod, "PUT");
  assert.equal((await events.send(new ListApiDestinationsCommand({}))).ApiDestinations.length, 1);
  await events.send(new DeauthorizeConnectionCommand({ Name: "shop" }));
  assert.equal((await events.send(new DescribeConnectionCommand({ Name: "shop" }))).ConnectionState, "DEAUTHORIZED");
  await events.send(new DeleteApiDestinationCommand({ Name: "shop" }));
  await events.send(new DeleteConnectionCommand({ Name: "shop" }));
});

test("an API destination is sent to, or its event is a dead letter", async () => {
  const BasicAuthParameters = { Username: "u", Password: "hush" };
  const connection = { Name: "closed", AuthorizationType: "BASIC", AuthParameters: { BasicAuthParameters } };
  const { ConnectionArn } = await events.send(new CreateConnectionCommand(connection));
  // No port of this machine's loopback address but the server's own is within reach: it answers with an error.
  const destination = { Name: "closed", ConnectionArn, InvocationEndpoint: `${endpoint}/nowhere/*`, HttpMethod: "POST", InvocationRateLimitPerSecond: 10 };
  const { ApiDestinationArn } = await events.send(new CreateApiDestinationCommand(destination));
  const iam = client(IAMClient);
  const AssumeRolePolicyDocument = trust({ Service: "events.amazonaws.com" });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: "sends", AssumeRolePolicyDocument }));
  const PolicyDocument = allow("events:InvokeApiDestination", { Resource: ApiDestinationArn });
  await iam.send(new PutRolePolicyCommand({ RoleName: "sends", PolicyName: "p", PolicyDocument }));
  await events.send(new PutRuleCommand({ Name: "closed", EventPattern: '{"source":["closed"]}' }));
  const HttpParameters = { PathParameterValues: ["$.detail.n"], HeaderParameters: { "X-N": "$.detail.n" } };
  const target = { Id: "a", Arn: ApiDestinationArn, RoleArn: Role.Arn, HttpParameters, DeadLetterConfig: { Arn } };
  await events.send(new PutTargetsCommand({ Rule: "closed", Targets: [target] }));
  const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: "closed" }));
  assert.deepEqual(Targets, [target]);
  await events.send(new PutEventsCommand({ Entries: [{ Source: "closed", DetailType: "t", Detail: '{"n":1}' }] }));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10, MessageAttributeNames: ["All"] }));
  const { ERROR_CODE, ERROR_MESSAGE, TARGET_ARN } = Messages[0].MessageAttributes;
  assert.deepEqual([ERROR_CODE.StringValue, TARGET_ARN.StringValue], ["SDK_CLIENT_ERROR", ApiDestinationArn]);
  assert.match(ERROR_MESSAGE.StringValue, /^Unable to invoke ApiDestination endpoint: API destination returned HTTP status 4\d\d\.$/);
});

test("a bus has a policy, and goes when it has no rules", async () => {
  await events.send(new UpdateEventBusCommand({ Name: EventBusName, Description: "d" }));
  const permission = { Action: "events:PutEvents", Principal: "*", StatementId: "all" };
  await events.send(new PutPermissionCommand({ EventBusName, ...permission }));
  const { Policy } = await events.send(new DescribeEventBusCommand({ Name: EventBusName }));
  assert.equal(JSON.parse(Policy).Statement[0].Sid, "all");
  await events.send(new RemovePermissionCommand({ EventBusName, StatementId: "all" }));
  const { EventBuses } = await events.send(new ListEventBusesCommand({}));
  assert.deepEqual(EventBuses.map(({ Name }) => Name), ["default", EventBusName]);
  await events.send(new RemoveTargetsCommand({ Rule, EventBusName, Ids: ["q"] }));
  await events.send(new DeleteRuleCommand({ Name: Rule, EventBusName }));
  await events.send(new DeleteEventBusCommand({ Name: EventBusName }));
  await assert.rejects(events.send(new DescribeEventBusCommand({ Name: EventBusName })), ResourceNotFoundException);
});

everyOperationIsDriven("events", EventBridgeClient);
