// SES version 2 through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import * as sdk from "@aws-sdk/client-sesv2";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client, REGION } from "./server.mjs";
import { allow, mails, until } from "./support.mjs";

const { SESv2Client } = sdk;
const ses = client(SESv2Client);

const call = (operation, input = {}) => ses.send(new sdk[`${operation}Command`](input));
const to = (...ToAddresses) => ({ ToAddresses });
const simple = (subject) => ({ Simple: { Subject: { Data: subject }, Body: { Text: { Data: "Hello" } } } });
const FromEmailAddress = "shop@example.com";

const mail = (id) => until(() => mails().find(({ MailId }) => MailId === id), "a mail");

test("identities are made, changed, listed and removed", async () => {
  const EmailIdentity = "example.com";
  const made = await call("CreateEmailIdentity", { EmailIdentity });
  assert.deepEqual([made.IdentityType, made.VerifiedForSendingStatus, made.DkimAttributes.Tokens.length], ["DOMAIN", true, 3]);
  await assert.rejects(call("CreateEmailIdentity", { EmailIdentity }), sdk.AlreadyExistsException);
  await assert.rejects(call("CreateEmailIdentity", { EmailIdentity: "nonsense" }), sdk.BadRequestException);
  await call("PutEmailIdentityDkimAttributes", { EmailIdentity, SigningEnabled: false });
  await call("PutEmailIdentityFeedbackAttributes", { EmailIdentity, EmailForwardingEnabled: false });
  await call("PutEmailIdentityMailFromAttributes", { EmailIdentity, MailFromDomain: "bounce.example.com" });
  const SigningAttributes = { DomainSigningSelector: "own", DomainSigningPrivateKey: "a2V5" };
  const signed = await call("PutEmailIdentityDkimSigningAttributes", { EmailIdentity, SigningAttributesOrigin: "EXTERNAL", SigningAttributes });
  assert.deepEqual(signed.DkimTokens, ["own"]);
  await call("CreateConfigurationSet", { ConfigurationSetName: "of-identity" });
  await call("PutEmailIdentityConfigurationSetAttributes", { EmailIdentity, ConfigurationSetName: "of-identity" });
  const found = await call("GetEmailIdentity", { EmailIdentity });
  assert.equal(found.ConfigurationSetName, "of-identity");
  assert.equal(found.MailFromAttributes.MailFromDomain, "bounce.example.com");
  const Policy = allow("ses:SendEmail", { Principal: "*", Resource: `arn:aws:ses:${REGION}:${ACCOUNT}:identity/example.com` });
  await call("CreateEmailIdentityPolicy", { EmailIdentity, PolicyName: "p", Policy });
  await call("UpdateEmailIdentityPolicy", { EmailIdentity, PolicyName: "p", Policy });
  assert.deepEqual((await call("GetEmailIdentityPolicies", { EmailIdentity })).Policies, { p: Policy });
  await call("DeleteEmailIdentityPolicy", { EmailIdentity, PolicyName: "p" });
  await call("CreateEmailIdentity", { EmailIdentity: "a@example.net" });
  await call("DeleteEmailIdentity", { EmailIdentity: "a@example.net" });
  await assert.rejects(call("GetEmailIdentity", { EmailIdentity: "a@example.net" }), sdk.NotFoundException);
  const listed = [];
  for await (const page of sdk.paginateListEmailIdentities({ client: ses }, {})) listed.push(...page.EmailIdentities);
  assert.deepEqual(listed.map(({ IdentityName }) => IdentityName), [EmailIdentity]);
});

test("mails are sent, singly and in bulk, with and without templates", async () => {
  const sent = await call("SendEmail", { FromEmailAddress, Destination: to("ada@example.org"), Content: simple("Grüße") });
  assert.equal((await mail(sent.MessageId)).Subject, "Grüße");
  const Data = Buffer.from(`From: ${FromEmailAddress}\nTo: bob@example.org\nSubject: Raw\n\nHello`);
  const raw = await call("SendEmail", { Content: { Raw: { Data } } });
  assert.deepEqual((await mail(raw.MessageId)).To, ["bob@example.org"]);
  const Attachments = [{ FileName: "a.txt", RawContent: Buffer.from("a") }];
  const content = { Simple: { ...simple("Attached").Simple, Attachments } };
  const attached = await call("SendEmail", { FromEmailAddress, Destination: to("ada@example.org"), Content: content });
  assert.deepEqual((await mail(attached.MessageId)).Attachments, ["a.txt"]);
  const unverified = { FromEmailAddress: "eve@example.net", Destination: to("ada@example.org"), Content: simple("x") };
  await assert.rejects(call("SendEmail", unverified), sdk.MessageRejected);
  await assert.rejects(call("SendEmail", { FromEmailAddress, Destination: to("nobody"), Content: simple("x") }), sdk.BadRequestException);

  const TemplateName = "hello";
  await call("CreateEmailTemplate", { TemplateName, TemplateContent: { Subject: "Hi {{name}}", Text: "x" } });
  await call("UpdateEmailTemplate", { TemplateName, TemplateContent: { Subject: "Dear {{name}}", Text: "x" } });
  assert.equal((await call("GetEmailTemplate", { TemplateName })).TemplateContent.Subject, "Dear {{name}}");
  assert.equal((await call("ListEmailTemplates")).TemplatesMetadata[0].TemplateName, TemplateName);
  const TemplateData = JSON.stringify({ name: "Ada" });
  assert.match((await call("TestRenderEmailTemplate", { TemplateName, TemplateData })).RenderedTemplate, /^Subject: Dear Ada\r$/m);
  await assert.rejects(call("TestRenderEmailTemplate", { TemplateName, TemplateData: "{}" }), sdk.BadRequestException);
  const bulk = await call("SendBulkEmail", {
    FromEmailAddress,
    DefaultContent: { Template: { TemplateName, TemplateData } },
    BulkEmailEntries: [{ Destination: to("ada@example.org") }, { Destination: to("nobody") }],
  });
  assert.deepEqual(bulk.BulkEmailEntryResults.map(({ Status }) => Status), ["SUCCESS", "INVALID_PARAMETER"]);
  assert.equal((await mail(bulk.BulkEmailEntryResults[0].MessageId)).Subject, "Dear Ada");
  await call("DeleteEmailTemplate", { TemplateName });
  await assert.rejects(call("GetEmailTemplate", { TemplateName }), sdk.NotFoundException);
});

test("addresses are suppressed", async () => {
  const EmailAddress = "gone@example.org";
  await call("PutSuppressedDestination", { EmailAddress, Reason: "COMPLAINT" });
  assert.equal((await call("GetSuppressedDestination", { EmailAddress })).SuppressedDestination.Reason, "COMPLAINT");
  assert.equal((await call("ListSuppressedDestinations", { Reasons: ["COMPLAINT"] })).SuppressedDestinationSummaries.length, 1);
  await call("DeleteSuppressedDestination", { EmailAddress });
  await assert.rejects(call("DeleteSuppressedDestination", { EmailAddress }), sdk.NotFoundException);
});

test("configuration sets, and where their events go", async () => {
  const ConfigurationSetName = "events";
  await call("CreateConfigurationSet", { ConfigurationSetName, Tags: [{ Key: "a", Value: "1" }] });
  await call("PutConfigurationSetDeliveryOptions", { ConfigurationSetName, TlsPolicy: "REQUIRE" });
  await call("PutConfigurationSetReputationOptions", { ConfigurationSetName, ReputationMetricsEnabled: true });
  await call("PutConfigurationSetSuppressionOptions", { ConfigurationSetName, SuppressedReasons: ["BOUNCE"] });
  await call("PutConfigurationSetTrackingOptions", { ConfigurationSetName, CustomRedirectDomain: "go.example.com" });
  await call("PutConfigurationSetSendingOptions", { ConfigurationSetName, SendingEnabled: false });
  const found = await call("GetConfigurationSet", { ConfigurationSetName });
  assert.deepEqual([found.DeliveryOptions.TlsPolicy, found.SendingOptions.SendingEnabled], ["REQUIRE", false]);
  const paused = { FromEmailAddress, Destination: to("ada@example.org"), Content: simple("x"), ConfigurationSetName };
  await assert.rejects(call("SendEmail", paused), sdk.SendingPausedException);
  const { TopicArn } = await client(SNSClient).send(new CreateTopicCommand({ Name: "told" }));
  const EventDestination = { Enabled: true, MatchingEventTypes: ["BOUNCE"], SnsDestination: { TopicArn } };
  const place = { ConfigurationSetName, EventDestinationName: "topic" };
  await call("CreateConfigurationSetEventDestination", { ...place, EventDestination });
  await call("UpdateConfigurationSetEventDestination", { ...place, EventDestination: { ...EventDestination, Enabled: false } });
  const { EventDestinations } = await call("GetConfigurationSetEventDestinations", { ConfigurationSetName });
  assert.deepEqual(EventDestinations.map(({ Name, Enabled }) => [Name, Enabled]), [["topic", false]]);
  await call("DeleteConfigurationSetEventDestination", place);
  const ResourceArn = `arn:aws:ses:${REGION}:${ACCOUNT}:configuration-set/events`;
  await call("TagResource", { ResourceArn, Tags: [{ Key: "b", Value: "2" }] });
  await call("UntagResource", { ResourceArn, TagKeys: ["a"] });
  assert.deepEqual((await call("ListTagsForResource", { ResourceArn })).Tags, [{ Key: "b", Value: "2" }]);
  await call("DeleteConfigurationSet", { ConfigurationSetName });
  assert.deepEqual((await call("ListConfigurationSets")).ConfigurationSets, ["of-identity"]);
});

test("the account", async () => {
  await call("PutAccountDetails", { MailType: "TRANSACTIONAL", WebsiteURL: "https://example.com" });
  await call("PutAccountSuppressionAttributes", { SuppressedReasons: ["BOUNCE"] });
  await call("PutAccountSendingAttributes", { SendingEnabled: false });
  const found = await call("GetAccount");
  assert.deepEqual([found.SendingEnabled, found.SuppressionAttributes.SuppressedReasons], [false, ["BOUNCE"]]);
  assert.ok(found.SendQuota.SentLast24Hours >= 4);
});

everyOperationIsDriven("sesv2", SESv2Client);
