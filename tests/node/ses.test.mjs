// SES version 1 through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import * as sdk from "@aws-sdk/client-ses";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client, REGION } from "./server.mjs";
import { allow, mails, until } from "./support.mjs";

const { SESClient } = sdk;
const ses = client(SESClient);

const call = (operation, input = {}) => ses.send(new sdk[`${operation}Command`](input));
const to = (...ToAddresses) => ({ ToAddresses });
const Source = "shop@example.com";
const Message = { Subject: { Data: "Grüße" }, Body: { Text: { Data: "Hello" } } };

const mail = (id) => until(() => mails().find(({ MailId }) => MailId === id), "a mail");
const topic = async (Name) => (await client(SNSClient).send(new CreateTopicCommand({ Name }))).TopicArn;

test("identities", async () => {
  await call("VerifyEmailIdentity", { EmailAddress: Source });
  await call("VerifyEmailAddress", { EmailAddress: "other@example.com" });
  const { VerificationToken } = await call("VerifyDomainIdentity", { Domain: "example.net" });
  const { DkimTokens } = await call("VerifyDomainDkim", { Domain: "example.net" });
  await assert.rejects(call("VerifyEmailIdentity", { EmailAddress: "nobody" }), { name: "InvalidParameterValue" });
  const { VerificationAttributes } = await call("GetIdentityVerificationAttributes", { Identities: ["example.net", Source] });
  assert.deepEqual(VerificationAttributes["example.net"], { VerificationStatus: "Success", VerificationToken });
  await call("SetIdentityDkimEnabled", { Identity: "example.net", DkimEnabled: false });
  const { DkimAttributes } = await call("GetIdentityDkimAttributes", { Identities: ["example.net"] });
  assert.deepEqual(DkimAttributes["example.net"], { DkimEnabled: false, DkimVerificationStatus: "Success", DkimTokens });
  await call("SetIdentityMailFromDomain", { Identity: "example.net", MailFromDomain: "bounce.example.net" });
  const { MailFromDomainAttributes } = await call("GetIdentityMailFromDomainAttributes", { Identities: ["example.net"] });
  assert.equal(MailFromDomainAttributes["example.net"].MailFromDomain, "bounce.example.net");
  assert.deepEqual((await call("ListVerifiedEmailAddresses")).VerifiedEmailAddresses, ["other@example.com", Source]);
  await call("DeleteVerifiedEmailAddress", { EmailAddress: "other@example.com" });
  const listed = [];
  for await (const page of sdk.paginateListIdentities({ client: ses }, {})) listed.push(...page.Identities);
  assert.deepEqual(listed, ["example.net", Source]);
  await call("DeleteIdentity", { Identity: "example.net" });
  const Policy = allow("ses:SendEmail", { Principal: "*", Resource: `arn:aws:ses:${REGION}:${ACCOUNT}:identity/${Source}` });
  await call("PutIdentityPolicy", { Identity: Source, PolicyName: "p", Policy });
  assert.deepEqual((await call("ListIdentityPolicies", { Identity: Source })).PolicyNames, ["p"]);
  assert.deepEqual((await call("GetIdentityPolicies", { Identity: Source, PolicyNames: ["p"] })).Policies, { p: Policy });
  await assert.rejects(call("PutIdentityPolicy", { Identity: Source, PolicyName: "p", Policy: "x" }), sdk.InvalidPolicyException);
  await call("DeleteIdentityPolicy", { Identity: Source, PolicyName: "p" });
});

test("what identities tell their topics", async () => {
  const SnsTopic = await topic("feedback");
  for (const NotificationType of ["Bounce", "Complaint"]) await call("SetIdentityNotificationTopic", { Identity: Source, NotificationType, SnsTopic });
  await call("SetIdentityHeadersInNotificationsEnabled", { Identity: Source, NotificationType: "Bounce", Enabled: true });
  await call("SetIdentityFeedbackForwardingEnabled", { Identity: Source, ForwardingEnabled: false });
  const { NotificationAttributes } = await call("GetIdentityNotificationAttributes", { Identities: [Source] });
  const { BounceTopic, ForwardingEnabled, HeadersInBounceNotificationsEnabled } = NotificationAttributes[Source];
  assert.deepEqual([BounceTopic, ForwardingEnabled, HeadersInBounceNotificationsEnabled], [SnsTopic, false, true]);
});

test("mails", async () => {
  const { MessageId } = await call("SendEmail", { Source, Destination: to("ada@example.org"), Message });
  assert.equal((await mail(MessageId)).Subject, "Grüße");
  const Data = Buffer.from(`From: ${Source}\nTo: bob@example.org\nSubject: Raw\n\nHello`);
  assert.deepEqual((await mail((await call("SendRawEmail", { RawMessage: { Data } })).MessageId)).To, ["bob@example.org"]);
  const unverified = { Source: "eve@example.net", Destination: to("ada@example.org"), Message };
  await assert.rejects(call("SendEmail", unverified), sdk.MessageRejected);
  const Template = { TemplateName: "hello", SubjectPart: "Hi {{name}}", TextPart: "x" };
  await call("CreateTemplate", { Template });
  await assert.rejects(call("CreateTemplate", { Template }), sdk.AlreadyExistsException);
  await call("UpdateTemplate", { Template: { ...Template, SubjectPart: "Dear {{name}}" } });
  assert.equal((await call("GetTemplate", { TemplateName: "hello" })).Template.SubjectPart, "Dear {{name}}");
  assert.equal((await call("ListTemplates")).TemplatesMetadata[0].Name, "hello");
  const TemplateData = JSON.stringify({ name: "Ada" });
  assert.match((await call("TestRenderTemplate", { TemplateName: "hello", TemplateData })).RenderedTemplate, /^Subject: Dear Ada\r?$/m);
  await assert.rejects(call("TestRenderTemplate", { TemplateName: "hello", TemplateData: "{}" }), sdk.MissingRenderingAttributeException);
  const templated = { Source, Template: "hello", TemplateData, Destination: to("ada@example.org") };
  assert.equal((await mail((await call("SendTemplatedEmail", templated)).MessageId)).Subject, "Dear Ada");
  await assert.rejects(call("SendTemplatedEmail", { ...templated, Template: "none" }), sdk.TemplateDoesNotExistException);
  const Destinations = [{ Destination: to("ada@example.org") }, { Destination: to("nobody") }];
  const { Status } = await call("SendBulkTemplatedEmail", { Source, Template: "hello", DefaultTemplateData: TemplateData, Destinations });
  assert.deepEqual(Status.map((one) => one.Status), ["Success", "InvalidParameterValue"]);
  await call("DeleteTemplate", { TemplateName: "hello" });
  assert.equal((await call("GetSendQuota")).SentLast24Hours, 4);
  const { SendDataPoints } = await call("GetSendStatistics");
  assert.equal(SendDataPoints.reduce((sum, point) => sum + point.DeliveryAttempts, 0), 4);
});

test("configuration sets", async () => {
  const ConfigurationSetName = "events";
  await call("CreateConfigurationSet", { ConfigurationSet: { Name: ConfigurationSetName } });
  await assert.rejects(call("CreateConfigurationSet", { ConfigurationSet: { Name: ConfigurationSetName } }), sdk.ConfigurationSetAlreadyExistsException);
  const EventDestination = { Name: "topic", Enabled: true, MatchingEventTypes: ["bounce"], SNSDestination: { TopicARN: await topic("told") } };
  await call("CreateConfigurationSetEventDestination", { ConfigurationSetName, EventDestination });
  EventDestination.MatchingEventTypes = ["send", "renderingFailure"];
  await call("UpdateConfigurationSetEventDestination", { ConfigurationSetName, EventDestination });
  await call("UpdateConfigurationSetReputationMetricsEnabled", { ConfigurationSetName, Enabled: true });
  await call("PutConfigurationSetDeliveryOptions", { ConfigurationSetName, DeliveryOptions: { TlsPolicy: "Require" } });
  const ConfigurationSetAttributeNames = ["eventDestinations", "deliveryOptions", "reputationOptions"];
  const found = await call("DescribeConfigurationSet", { ConfigurationSetName, ConfigurationSetAttributeNames });
  assert.deepEqual(found.EventDestinations, [EventDestination]);
  assert.equal(found.DeliveryOptions.TlsPolicy, "Require");
  await call("UpdateConfigurationSetSendingEnabled", { ConfigurationSetName, Enabled: false });
  const paused = { Source, Destination: to("ada@example.org"), Message, ConfigurationSetName };
  await assert.rejects(call("SendEmail", paused), sdk.ConfigurationSetSendingPausedException);
  await call("DeleteConfigurationSetEventDestination", { ConfigurationSetName, EventDestinationName: "topic" });
  assert.deepEqual((await call("ListConfigurationSets")).ConfigurationSets, [{ Name: ConfigurationSetName }]);
  await call("DeleteConfigurationSet", { ConfigurationSetName });
  await assert.rejects(call("DeleteConfigurationSet", { ConfigurationSetName }), sdk.ConfigurationSetDoesNotExistException);
});

test("sending can be stopped", async () => {
  await call("UpdateAccountSendingEnabled", { Enabled: false });
  assert.equal((await call("GetAccountSendingEnabled")).Enabled, false);
  await assert.rejects(call("SendEmail", { Source, Destination: to("ada@example.org"), Message }), sdk.AccountSendingPausedException);
});

everyOperationIsDriven("ses", SESClient);
