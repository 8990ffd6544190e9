"""SES version 2 through boto3: every operation, and what becomes of mails in the mailbox and at the simulator."""

import base64
import json
from email import message_from_string, policy

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, wait_until
from test_iam import key_of
from test_sns import Queue, refused, subscribe

UNVERIFIED = "Email address is not verified. The following identities failed the check in region US-EAST-1: "


def arn(resource):
    return f"arn:aws:ses:{REGION}:{ACCOUNT}:{resource}"


@pytest.fixture
def sender(sesv2, unique):
    """A verified address."""
    address = f"{unique}@example.com"
    sesv2.create_email_identity(EmailIdentity=address)
    return address


def to(*addresses):
    return {"ToAddresses": list(addresses)}


def simple(subject="Hello", text="There", **more):
    return {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}, **more}}


def mail(server, id):
    """A mail of the mailbox, as soon as it is there."""

    def found():
        shown = server.run("mail", "show", id, "--json", check=False)
        return shown.returncode == 0 and json.loads(shown.stdout)

    return wait_until(found, what="the mail")


def source(server, id):
    return message_from_string(mail(server, id)["Source"], policy=policy.default)


def listening(sns, sqs, unique):
    """A topic, and a queue that has what it is told. Its policy is the default one, as SES needs no other."""
    topic, queue = sns.create_topic(Name=f"{unique}-told")["TopicArn"], Queue(sqs, f"{unique}-told")
    subscribe(sns, topic, queue, RawMessageDelivery="true")
    return topic, queue


def listen(sesv2, sns, sqs, unique, *events):
    """A configuration set whose events a queue gets."""
    topic, queue = listening(sns, sqs, unique)
    sesv2.create_configuration_set(ConfigurationSetName=unique)
    destination = {"Enabled": True, "MatchingEventTypes": list(events), "SnsDestination": {"TopicArn": topic}}
    sesv2.create_configuration_set_event_destination(ConfigurationSetName=unique, EventDestinationName="told", EventDestination=destination)
    (message,) = queue.take()
    assert message["Body"] == "Successfully validated SNS topic for Amazon SES event publishing."
    return queue


def test_a_mail_with_everything(server, sesv2, sender):
    png = base64.b64decode("iVBORw0KGgo=")
    content = simple("Grüße", "Hello", Headers=[{"Name": "X-Order", "Value": "17"}], Attachments=[
        {"FileName": "bill.pdf", "RawContent": b"%PDF", "ContentDescription": "The bill"},
        {"FileName": "logo.png", "RawContent": png, "ContentType": "image/png", "ContentDisposition": "INLINE", "ContentId": "logo"},
    ])
    content["Simple"]["Body"]["Html"] = {"Data": "<img src='cid:logo'>"}
    id = sesv2.send_email(
        FromEmailAddress=f'"Lovelace, Ada" <{sender}>',
        Destination={"ToAddresses": ["Bob <bob@example.com>"], "CcAddresses": ["cy@example.com"], "BccAddresses": ["dan@example.com"]},
        ReplyToAddresses=["desk@example.com"],
        Content=content,
    )["MessageId"]
    wait_until(lambda: sorted(mail(server, id)["To"]) == ["bob@example.com", "cy@example.com", "dan@example.com"], what="all recipients")
    kept = mail(server, id)
    assert kept["Subject"] == "Grüße" and kept["Text"] == "Hello" and kept["Html"] == "<img src='cid:logo'>"
    assert sorted(kept["Attachments"]) == ["bill.pdf", "logo.png"]
    sent = source(server, id)
    assert sent["From"] == f'"Lovelace, Ada" <{sender}>' and sent["To"] == "Bob <bob@example.com>" and sent["Cc"] == "cy@example.com"
    assert sent["Reply-To"] == "desk@example.com" and sent["X-Order"] == "17" and sent["Message-ID"] == f"<{id}@email.amazonses.com>"
    assert "dan@example.com" not in kept["Source"]
    parts = {part.get_filename(): part for part in sent.walk() if part.get_filename()}
    assert parts["logo.png"].get_content() == png and parts["logo.png"]["Content-ID"] == "<logo>"
    assert parts["bill.pdf"].get_content_type() == "application/pdf" and parts["bill.pdf"].get_content() == b"%PDF"
    shown = server.run("mail", "show", id).stdout
    assert "Subject: Grüße" in shown and "Attachments: " in shown and "bill.pdf" in shown


def test_a_raw_mail(server, sesv2, sender):
    raw = f"From: Ada <{sender}>\nTo: bob@example.com\nBcc: eve@example.com\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nX-SES-MESSAGE-TAGS: a=1\n\nHello\n.\nthere\n"
    id = sesv2.send_email(Content={"Raw": {"Data": raw.encode()}})["MessageId"]
    wait_until(lambda: len(mail(server, id)["To"]) == 2, what="both recipients")
    kept = mail(server, id)
    assert kept["Subject"] == "Grüße" and kept["From"] == f"Ada <{sender}>" and sorted(kept["To"]) == ["bob@example.com", "eve@example.com"]
    sent = source(server, id)
    assert sent["Bcc"] is None and sent["X-SES-MESSAGE-TAGS"] is None and sent["Date"]
    assert kept["Source"].endswith("\r\n\r\nHello\r\n.\r\nthere\r\n")
    # Recipients that are named override those in the header.
    id = sesv2.send_email(Destination=to("cy@example.com"), Content={"Raw": {"Data": raw.encode()}})["MessageId"]
    assert mail(server, id)["To"] == ["cy@example.com"]


def test_senders_are_verified(sesv2, sender, unique):
    def send(address, **more):
        return sesv2.send_email(FromEmailAddress=address, Destination=to("bob@example.com"), Content=simple(), **more)

    stranger = f"{unique}@stranger.example.com"
    assert refused("MessageRejected", send, address=f"Eve <{stranger}>") == UNVERIFIED + stranger
    assert refused("MessageRejected", send, address=sender, FeedbackForwardingEmailAddress=stranger) == UNVERIFIED + stranger
    raw = f"From: {sender}\nSender: {stranger}\nTo: bob@example.com\n\nx".encode()
    assert refused("MessageRejected", sesv2.send_email, Content={"Raw": {"Data": raw}}) == UNVERIFIED + stranger
    # A label, and whatever is below a domain, need nothing of their own.
    send(sender.replace("@", "+label@"))
    domain = f"{unique}.example.net"
    made = sesv2.create_email_identity(EmailIdentity=domain, Tags=[{"Key": "a", "Value": "1"}])
    assert made["IdentityType"] == "DOMAIN" and made["VerifiedForSendingStatus"] and len(made["DkimAttributes"]["Tokens"]) == 3
    send(f"anybody@{domain}")
    send(f"anybody@below.{domain.upper()}")
    sesv2.delete_email_identity(EmailIdentity=domain)
    refused("MessageRejected", send, address=f"anybody@{domain}")
    refused("NotFoundException", sesv2.delete_email_identity, EmailIdentity=domain)


def test_identities(sesv2, unique):
    name = f"{unique}.example.org"
    sesv2.create_email_identity(EmailIdentity=name, Tags=[{"Key": "a", "Value": "1"}])
    refused("AlreadyExistsException", sesv2.create_email_identity, EmailIdentity=name)
    sesv2.put_email_identity_dkim_attributes(EmailIdentity=name, SigningEnabled=False)
    sesv2.put_email_identity_feedback_attributes(EmailIdentity=name, EmailForwardingEnabled=False)
    sesv2.put_email_identity_mail_from_attributes(EmailIdentity=name, MailFromDomain=f"bounce.{name}", BehaviorOnMxFailure="REJECT_MESSAGE")
    sesv2.create_configuration_set(ConfigurationSetName=unique)
    sesv2.put_email_identity_configuration_set_attributes(EmailIdentity=name, ConfigurationSetName=unique)
    found = sesv2.get_email_identity(EmailIdentity=name)
    assert found["IdentityType"] == "DOMAIN" and found["VerificationStatus"] == "SUCCESS" and found["VerifiedForSendingStatus"]
    assert found["DkimAttributes"]["SigningEnabled"] is False and found["FeedbackForwardingStatus"] is False
    assert found["MailFromAttributes"] == {"MailFromDomain": f"bounce.{name}", "MailFromDomainStatus": "SUCCESS", "BehaviorOnMxFailure": "REJECT_MESSAGE"}
    assert found["ConfigurationSetName"] == unique and found["Tags"] == [{"Key": "a", "Value": "1"}]
    refused("BadRequestException", sesv2.put_email_identity_mail_from_attributes, EmailIdentity=name, MailFromDomain="elsewhere.example.com")
    refused("NotFoundException", sesv2.put_email_identity_configuration_set_attributes, EmailIdentity=name, ConfigurationSetName="none")
    signed = sesv2.put_email_identity_dkim_signing_attributes(
        EmailIdentity=name,
        SigningAttributesOrigin="EXTERNAL",
        SigningAttributes={"DomainSigningSelector": "mine", "DomainSigningPrivateKey": "a2V5"},
    )
    assert signed["DkimTokens"] == ["mine"] and sesv2.get_email_identity(EmailIdentity=name)["DkimAttributes"]["SigningAttributesOrigin"] == "EXTERNAL"
    refused("BadRequestException", sesv2.put_email_identity_dkim_signing_attributes, EmailIdentity=name, SigningAttributesOrigin="EXTERNAL")
    names, token = [], {}
    while True:
        page = sesv2.list_email_identities(PageSize=2, **token)
        names += [found["IdentityName"] for found in page["EmailIdentities"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert name in names and len(names) == len(set(names))
    for bad in ("", "nothing", "a@", "a b@example.com", "a@example.com\r\nBcc: x@example.com", "x" * 400 + ".com"):
        refused("BadRequestException", sesv2.create_email_identity, EmailIdentity=bad)
    refused("NotFoundException", sesv2.get_email_identity, EmailIdentity="nobody@example.com")


def test_policies_of_identities(sesv2, sender):
    def document(effect):
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Principal": "*", "Action": "ses:SendEmail", "Resource": arn(f"identity/{sender}")}]})

    sesv2.create_email_identity_policy(EmailIdentity=sender, PolicyName="p", Policy=document("Allow"))
    refused("AlreadyExistsException", sesv2.create_email_identity_policy, EmailIdentity=sender, PolicyName="p", Policy=document("Allow"))
    refused("NotFoundException", sesv2.update_email_identity_policy, EmailIdentity=sender, PolicyName="q", Policy=document("Allow"))
    refused("BadRequestException", sesv2.create_email_identity_policy, EmailIdentity=sender, PolicyName="q", Policy="{}")
    sesv2.update_email_identity_policy(EmailIdentity=sender, PolicyName="p", Policy=document("Deny"))
    assert sesv2.get_email_identity_policies(EmailIdentity=sender)["Policies"] == {"p": document("Deny")}
    sesv2.delete_email_identity_policy(EmailIdentity=sender, PolicyName="p")
    refused("NotFoundException", sesv2.delete_email_identity_policy, EmailIdentity=sender, PolicyName="p")


def test_who_may_send(server, iam, sesv2, sender, unique):
    condition = {"StringEquals": {"ses:FromAddress": sender}, "ForAllValues:StringLike": {"ses:Recipients": "*@example.com"}}
    statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*", "Condition": condition}
    iam.create_user(UserName=unique)
    iam.put_user_policy(UserName=unique, PolicyName="send", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    user = server.client_as("sesv2", *key_of(server, iam, unique))
    send = dict(FromEmailAddress=sender, Destination=to("bob@example.com"), Content=simple())
    assert user.send_email(**send)["MessageId"]
    refused("AccessDeniedException", user.send_email, **send | {"Destination": to("eve@elsewhere.example.net")})
    refused("AccessDeniedException", user.send_email, **send | {"FromEmailAddress": sender.replace("@", "+x@")})
    # Raw messages need an action of their own, by this version too.
    raw = {"Raw": {"Data": f"From: {sender}\nTo: bob@example.com\n\nx".encode()}}
    told = refused("AccessDeniedException", user.send_email, **send | {"Content": raw})
    assert "ses:SendRawEmail" in told and arn(f"identity/{sender}") in told
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ses:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    sesv2.create_email_identity_policy(EmailIdentity=sender, PolicyName="nobody", Policy=document)
    refused("AccessDeniedException", user.send_email, **send)


def test_templates(server, sesv2, sns, sqs, sender, unique):
    content = {"Subject": "Hi {{name}}", "Text": "{{#each items}}{{n}};{{else}}nothing{{/each}}", "Html": "<b>{{name}}</b>"}
    sesv2.create_email_template(TemplateName=unique, TemplateContent=content, Tags=[{"Key": "a", "Value": "1"}])
    refused("AlreadyExistsException", sesv2.create_email_template, TemplateName=unique, TemplateContent=content)
    for bad in ({"Subject": "{{#if}}", "Text": "x"}, {"Text": "x"}, {"Subject": "x"}, {"Subject": "x", "Html": "{{"}):
        refused("BadRequestException", sesv2.create_email_template, TemplateName="bad", TemplateContent=bad)
    content["Html"] = "<i>{{name}}</i>"
    sesv2.update_email_template(TemplateName=unique, TemplateContent=content)
    refused("NotFoundException", sesv2.update_email_template, TemplateName="none", TemplateContent=content)
    found = sesv2.get_email_template(TemplateName=unique)
    assert found["TemplateContent"] == content and found["Tags"] == [{"Key": "a", "Value": "1"}]
    assert unique in [listed["TemplateName"] for listed in sesv2.list_email_templates(PageSize=100)["TemplatesMetadata"]]
    data = json.dumps({"name": "Ada", "items": [{"n": 1}, {"n": 2}]})
    rendered = sesv2.test_render_email_template(TemplateName=unique, TemplateData=data)["RenderedTemplate"]
    parsed = message_from_string(rendered, policy=policy.default)
    assert parsed["Subject"] == "Hi Ada" and parsed.get_body(("plain",)).get_content().strip() == "1;2;" and parsed["From"] is None
    told = refused("BadRequestException", sesv2.test_render_email_template, TemplateName=unique, TemplateData="{}")
    assert told == "Attribute 'name' is not present in the rendering data."
    refused("BadRequestException", sesv2.test_render_email_template, TemplateName=unique, TemplateData="no JSON")
    refused("NotFoundException", sesv2.test_render_email_template, TemplateName="none", TemplateData="{}")

    send = dict(FromEmailAddress=sender, Destination=to("bob@example.com"))
    named = {"Template": {"TemplateName": unique, "TemplateData": data}}
    kept = mail(server, sesv2.send_email(**send, Content=named)["MessageId"])
    assert (kept["Subject"], kept["Text"], kept["Html"]) == ("Hi Ada", "1;2;", "<i>Ada</i>")
    inline = {"Template": {"TemplateContent": {"Subject": "{{a}}", "Text": "{{b.c}}"}, "TemplateData": '{"a": 1, "b": {"c": "d"}}'}}
    kept = mail(server, sesv2.send_email(**send, Content=inline)["MessageId"])
    # A message of one part ends with a line, as every mail does.
    assert (kept["Subject"], kept["Text"]) == ("1", "d\r\n")
    refused("NotFoundException", sesv2.send_email, **send, Content={"Template": {"TemplateName": "none", "TemplateData": "{}"}})
    # What cannot be rendered is accepted, and goes nowhere: who listens is told.
    queue = listen(sesv2, sns, sqs, unique, "SEND", "RENDERING_FAILURE")
    broken = {"Template": {"TemplateName": unique, "TemplateData": "{}"}}
    id = sesv2.send_email(**send, Content=broken, ConfigurationSetName=unique)["MessageId"]
    (event,) = queue.bodies()
    assert event["eventType"] == "Rendering Failure" and event["mail"]["messageId"] == id
    assert event["failure"] == {"templateName": unique, "errorMessage": "Attribute 'name' is not present in the rendering data."}
    assert server.run("mail", "show", id, check=False).returncode != 0
    sesv2.delete_email_template(TemplateName=unique)
    refused("NotFoundException", sesv2.delete_email_template, TemplateName=unique)
    refused("NotFoundException", sesv2.get_email_template, TemplateName=unique)


def test_mails_in_bulk(server, sesv2, sender, unique):
    sesv2.create_email_template(TemplateName=unique, TemplateContent={"Subject": "{{greeting}} {{name}}", "Text": "x"})
    entries = [
        {"Destination": to("ada@example.com"), "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"name": "Ada"}'}}},
        {"Destination": to("no address")},
        {"Destination": to("bob@example.com"), "ReplacementHeaders": [{"Name": "X-Own", "Value": "b"}]},
    ]
    default = {"Template": {"TemplateName": unique, "TemplateData": '{"greeting": "Hi", "name": "you"}', "Headers": [{"Name": "X-Own", "Value": "d"}]}}
    results = sesv2.send_bulk_email(FromEmailAddress=sender, DefaultContent=default, BulkEmailEntries=entries)["BulkEmailEntryResults"]
    assert [result["Status"] for result in results] == ["SUCCESS", "INVALID_PARAMETER", "SUCCESS"] and results[1]["Error"]
    assert mail(server, results[0]["MessageId"])["Subject"] == "Hi Ada" and source(server, results[0]["MessageId"])["X-Own"] == "d"
    assert mail(server, results[2]["MessageId"])["Subject"] == "Hi you" and source(server, results[2]["MessageId"])["X-Own"] == "b"
    refused("BadRequestException", sesv2.send_bulk_email, FromEmailAddress=sender, DefaultContent=default, BulkEmailEntries=[])
    none = {"Template": {"TemplateName": "none", "TemplateData": "{}"}}
    refused("NotFoundException", sesv2.send_bulk_email, FromEmailAddress=sender, DefaultContent=none, BulkEmailEntries=entries[:1])


def test_the_suppression_list(server, sesv2, sns, sqs, sender, unique):
    address = f"{unique}@refused.example.com"
    sesv2.put_suppressed_destination(EmailAddress=address.upper(), Reason="BOUNCE")
    found = sesv2.get_suppressed_destination(EmailAddress=address)["SuppressedDestination"]
    assert found["EmailAddress"] == address and found["Reason"] == "BOUNCE" and found["LastUpdateTime"]
    listed = sesv2.list_suppressed_destinations(Reasons=["BOUNCE"], StartDate=found["LastUpdateTime"])["SuppressedDestinationSummaries"]
    assert address in [one["EmailAddress"] for one in listed]
    listed = sesv2.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]
    assert address not in [one["EmailAddress"] for one in listed]
    queue = listen(sesv2, sns, sqs, unique, "BOUNCE")
    send = dict(FromEmailAddress=sender, Destination=to(address), Content=simple(), ConfigurationSetName=unique)
    sesv2.send_email(**send)
    (event,) = queue.bodies()
    assert event["bounce"]["bounceType"] == "Permanent" and event["bounce"]["bounceSubType"] == "OnAccountSuppressionList"
    # A configuration set can do without the list.
    sesv2.put_configuration_set_suppression_options(ConfigurationSetName=unique, SuppressedReasons=[])
    assert mail(server, sesv2.send_email(**send)["MessageId"])["To"] == [address]
    sesv2.put_configuration_set_suppression_options(ConfigurationSetName=unique, SuppressedReasons=["BOUNCE"])
    sesv2.delete_suppressed_destination(EmailAddress=address)
    assert mail(server, sesv2.send_email(**send)["MessageId"])["To"] == [address]
    refused("NotFoundException", sesv2.delete_suppressed_destination, EmailAddress=address)
    refused("NotFoundException", sesv2.get_suppressed_destination, EmailAddress=address)
    refused("BadRequestException", sesv2.put_suppressed_destination, EmailAddress=address, Reason="WHIM")
    refused("BadRequestException", sesv2.put_suppressed_destination, EmailAddress="nobody", Reason="BOUNCE")


def test_events_of_the_simulator(server, sesv2, sns, sqs, events, sender, unique):
    queue = listen(sesv2, sns, sqs, unique, "SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "OPEN")
    bus = {"Enabled": True, "MatchingEventTypes": ["BOUNCE"], "EventBridgeDestination": {"EventBusArn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"}}
    sesv2.create_configuration_set_event_destination(ConfigurationSetName=unique, EventDestinationName="bus", EventDestination=bus)
    heard = Queue(sqs, f"{unique}-bus", policy=False)
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": heard.arn}
    sqs.set_queue_attributes(QueueUrl=heard.url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    events.put_rule(Name=unique, EventPattern=json.dumps({"source": ["aws.ses"], "resources": [arn(f"configuration-set/{unique}")]}))
    events.put_targets(Rule=unique, Targets=[{"Id": "q", "Arn": heard.arn}])

    def told(user, count):
        id = sesv2.send_email(
            FromEmailAddress=sender,
            Destination=to(f"{user}@simulator.amazonses.com"),
            Content=simple("Sim"),
            ConfigurationSetName=unique,
            EmailTags=[{"Name": "campaign", "Value": "spring"}],
        )["MessageId"]
        found = {event["eventType"]: event for event in queue.bodies(count)}
        assert {event["mail"]["messageId"] for event in found.values()} == {id}
        return found

    found = told("success+1", 2)
    assert found["Delivery"]["delivery"]["recipients"] == ["success+1@simulator.amazonses.com"] and found["Send"]["send"] == {}
    message = found["Send"]["mail"]
    assert message["source"] == sender and message["sourceArn"] == arn(f"identity/{sender}") and message["sendingAccountId"] == ACCOUNT
    assert message["destination"] == ["success+1@simulator.amazonses.com"] and message["commonHeaders"]["subject"] == "Sim"
    assert message["tags"]["campaign"] == ["spring"] and message["tags"]["ses:configuration-set"] == [unique]
    assert message["tags"]["ses:from-domain"] == ["example.com"] and {"name": "Subject", "value": "Sim"} in message["headers"]
    found = told("bounce", 2)
    bounced = found["Bounce"]["bounce"]
    assert bounced["bounceType"] == "Permanent" and bounced["bouncedRecipients"][0]["emailAddress"] == "bounce@simulator.amazonses.com"
    (event,) = heard.bodies()
    assert event["detail-type"] == "Email Bounced" and event["detail"]["bounce"] == bounced
    complained = told("complaint", 3)
    assert set(complained) == {"Send", "Delivery", "Complaint"}
    # Its sender is told by mail, too.
    report = mail(server, complained["Complaint"]["complaint"]["feedbackId"])
    assert (report["To"], report["Subject"]) == ([sender], "Complaint Notification") and "complaint@simulator.amazonses.com" in report["Text"]
    assert "Feedback-Type: abuse" in report["Source"]
    assert told("suppressionlist", 2)["Bounce"]["bounce"]["bounceSubType"] == "Suppressed"
    # The simulator puts nobody onto the list.
    refused("NotFoundException", sesv2.get_suppressed_destination, EmailAddress="bounce@simulator.amazonses.com")
    events.remove_targets(Rule=unique, Ids=["q"])
    events.delete_rule(Name=unique)


def test_event_destinations(sesv2, sns, sqs, unique):
    listen(sesv2, sns, sqs, unique, "SEND")
    place = dict(ConfigurationSetName=unique, EventDestinationName="told")
    (found,) = sesv2.get_configuration_set_event_destinations(ConfigurationSetName=unique)["EventDestinations"]
    assert found["Name"] == "told" and found["Enabled"] and found["MatchingEventTypes"] == ["SEND"]
    destination = {"Enabled": False, "MatchingEventTypes": ["BOUNCE"], "SnsDestination": found["SnsDestination"]}
    refused("AlreadyExistsException", sesv2.create_configuration_set_event_destination, **place, EventDestination=destination)
    sesv2.update_configuration_set_event_destination(**place, EventDestination=destination)
    (found,) = sesv2.get_configuration_set_event_destinations(ConfigurationSetName=unique)["EventDestinations"]
    assert not found["Enabled"] and found["MatchingEventTypes"] == ["BOUNCE"]
    missing = f"arn:aws:sns:{REGION}:{ACCOUNT}:missing"
    other = place | {"EventDestinationName": "other"}

    def tried(**destination):
        return dict(**other, EventDestination={"Enabled": True, "MatchingEventTypes": ["SEND"]} | destination)

    create = sesv2.create_configuration_set_event_destination
    assert refused("BadRequestException", create, **tried(SnsDestination={"TopicArn": missing})) == f"SNS topic <{missing}> not found."
    refused("BadRequestException", create, **tried())
    refused("BadRequestException", create, **tried(SnsDestination=found["SnsDestination"], MatchingEventTypes=["BIRTH"]))
    refused("BadRequestException", create, **tried(EventBridgeDestination={"EventBusArn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/other"}))
    firehose = {"IamRoleArn": "arn:aws:iam::000000000000:role/r", "DeliveryStreamArn": "arn:aws:firehose:us-east-1:000000000000:deliverystream/d"}
    assert "KinesisFirehoseDestination" in refused("NotImplemented", create, **tried(KinesisFirehoseDestination=firehose))
    refused("NotFoundException", create, **tried(SnsDestination=found["SnsDestination"]) | {"ConfigurationSetName": "none"})
    sesv2.delete_configuration_set_event_destination(**place)
    refused("NotFoundException", sesv2.delete_configuration_set_event_destination, **place)
    assert sesv2.get_configuration_set_event_destinations(ConfigurationSetName=unique)["EventDestinations"] == []


def test_configuration_sets(sesv2, sender, unique):
    sesv2.create_configuration_set(
        ConfigurationSetName=unique,
        SendingOptions={"SendingEnabled": True},
        SuppressionOptions={"SuppressedReasons": ["COMPLAINT"]},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    refused("AlreadyExistsException", sesv2.create_configuration_set, ConfigurationSetName=unique)
    refused("BadRequestException", sesv2.create_configuration_set, ConfigurationSetName="no name!")
    sesv2.put_configuration_set_delivery_options(ConfigurationSetName=unique, TlsPolicy="REQUIRE", MaxDeliverySeconds=600)
    sesv2.put_configuration_set_reputation_options(ConfigurationSetName=unique, ReputationMetricsEnabled=True)
    sesv2.put_configuration_set_tracking_options(ConfigurationSetName=unique, CustomRedirectDomain="go.example.com")
    found = sesv2.get_configuration_set(ConfigurationSetName=unique)
    assert found["DeliveryOptions"] == {"TlsPolicy": "REQUIRE", "MaxDeliverySeconds": 600} and found["ReputationOptions"]["ReputationMetricsEnabled"]
    assert found["TrackingOptions"] == {"CustomRedirectDomain": "go.example.com"} and found["SuppressionOptions"] == {"SuppressedReasons": ["COMPLAINT"]}
    assert found["Tags"] == [{"Key": "a", "Value": "1"}] and found["SendingOptions"] == {"SendingEnabled": True}
    assert unique in sesv2.list_configuration_sets(PageSize=1000)["ConfigurationSets"]
    send = dict(FromEmailAddress=sender, Destination=to("bob@example.com"), Content=simple(), ConfigurationSetName=unique)
    sesv2.send_email(**send)
    sesv2.put_configuration_set_sending_options(ConfigurationSetName=unique, SendingEnabled=False)
    refused("SendingPausedException", sesv2.send_email, **send)
    sesv2.delete_configuration_set(ConfigurationSetName=unique)
    assert refused("NotFoundException", sesv2.send_email, **send) == f"Configuration set <{unique}> does not exist."
    refused("NotFoundException", sesv2.delete_configuration_set, ConfigurationSetName=unique)


def test_tags(sesv2, sender, unique):
    sesv2.create_configuration_set(ConfigurationSetName=unique)
    sesv2.create_email_template(TemplateName=unique, TemplateContent={"Subject": "x", "Text": "x"})
    for resource in (f"identity/{sender}", f"configuration-set/{unique}", f"template/{unique}"):
        sesv2.tag_resource(ResourceArn=arn(resource), Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        sesv2.untag_resource(ResourceArn=arn(resource), TagKeys=["a"])
        assert sesv2.list_tags_for_resource(ResourceArn=arn(resource))["Tags"] == [{"Key": "b", "Value": "2"}]
    refused("NotFoundException", sesv2.tag_resource, ResourceArn=arn("identity/none@example.com"), Tags=[])
    refused("BadRequestException", sesv2.list_tags_for_resource, ResourceArn="nonsense")


def test_the_account(server, sender):
    # In a region of its own, so that nobody else's mails are stopped.
    sesv2 = server.client_as("sesv2", server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"], region="eu-west-1")
    found = sesv2.get_account()
    assert found["SendingEnabled"] and found["ProductionAccessEnabled"] and found["SendQuota"]["SentLast24Hours"] == 0
    assert found["SuppressionAttributes"]["SuppressedReasons"] == ["BOUNCE", "COMPLAINT"]
    sesv2.put_account_suppression_attributes(SuppressedReasons=["BOUNCE"])
    sesv2.put_account_details(MailType="TRANSACTIONAL", WebsiteURL="https://example.com", UseCaseDescription="Receipts")
    send = dict(FromEmailAddress=sender, Destination=to("a@example.com", "b@example.com"), Content=simple())
    # Identities are a region's own.
    assert "EU-WEST-1" in refused("MessageRejected", sesv2.send_email, **send)
    sesv2.create_email_identity(EmailIdentity=sender)
    id = sesv2.send_email(**send)["MessageId"]
    assert source(server, id)["Message-ID"] == f"<{id}@eu-west-1.amazonses.com>"
    sesv2.put_account_sending_attributes(SendingEnabled=False)
    refused("SendingPausedException", sesv2.send_email, **send)
    found = sesv2.get_account()
    assert not found["SendingEnabled"] and found["SendQuota"]["SentLast24Hours"] == 2
    assert found["SuppressionAttributes"]["SuppressedReasons"] == ["BOUNCE"] and found["Details"]["MailType"] == "TRANSACTIONAL"
    refused("BadRequestException", sesv2.put_account_details, MailType="SPAM", WebsiteURL="https://example.com")
    refused("BadRequestException", sesv2.put_account_suppression_attributes, SuppressedReasons=["WHIM"])


INJECTION = "x\r\nBcc: eve@example.com"


@pytest.mark.parametrize(
    "wrong",
    [
        {"FromEmailAddress": "nobody"},
        {"FromEmailAddress": "a@example.com, b@example.com"},
        {"FromEmailAddress": None},
        {"Destination": {}},
        {"Destination": to("bob")},
        {"Destination": to("bob@")},
        {"Destination": to("bob@example.com\r\nCc: eve@example.com")},
        {"Destination": to("böb@example.com")},
        {"Destination": to(*[f"a{number}@example.com" for number in range(51)])},
        {"ReplyToAddresses": [INJECTION]},
        {"Content": {}},
        {"Content": {"Raw": {"Data": b"x"}, **simple()}},
        {"Content": {"Raw": {"Data": b"From: a@example.com\nFrom: b@example.com\n\nx"}}},
        {"Content": {"Raw": {"Data": b"Subject: x\nnonsense\n\nx"}}},
        {"Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {}}}},
        {"Content": simple(Headers=[{"Name": "X-A", "Value": INJECTION}])},
        {"Content": simple(Headers=[{"Name": INJECTION, "Value": "x"}])},
        {"Content": simple(Headers=[{"Name": "Bcc", "Value": "eve@example.com"}])},
        {"Content": simple(Attachments=[{"FileName": INJECTION, "RawContent": b"x"}])},
        {"Content": simple(Attachments=[{"FileName": "x", "RawContent": b"x", "ContentType": INJECTION}])},
        {"Content": simple(Attachments=[{"FileName": "", "RawContent": b"x"}])},
        {"Content": {"Template": {"TemplateContent": {"Subject": "x", "Text": "{{"}, "TemplateData": "{}"}}},
        {"Content": {"Template": {"TemplateContent": {"Subject": "x", "Text": "x"}, "TemplateData": "[1]"}}},
        {"EmailTags": [{"Name": "a b", "Value": "x"}]},
        {"EmailTags": [{"Name": "a", "Value": ""}]},
        {"Content": {"Raw": {"Data": b"From: a@example.com\n\n" + b"x" * 10_485_760}}},
    ],
    ids=lambda wrong: str(wrong)[:100],
)
def test_what_is_wrong_is_refused(sesv2, sender, wrong):
    send = dict(FromEmailAddress=sender, Destination=to("bob@example.com"), Content=simple()) | wrong
    refused("BadRequestException", sesv2.send_email, **{name: value for name, value in send.items() if value is not None})


def test_a_subject_stays_in_its_line(server, sesv2, sender):
    id = sesv2.send_email(FromEmailAddress=sender, Destination=to("bob@example.com"), Content=simple(INJECTION))["MessageId"]
    assert source(server, id)["Bcc"] is None and mail(server, id)["To"] == ["bob@example.com"]


def test_what_is_not_there_says_so(sesv2, sender):
    send = dict(FromEmailAddress=sender, Destination=to("bob@example.com"), Content=simple())
    assert "ListManagementOptions" in refused("NotImplemented", sesv2.send_email, **send, ListManagementOptions={"ContactListName": "x"})
    assert "TenantName" in refused("NotImplemented", sesv2.send_email, **send, TenantName="x")
    assert "CreateContactList" in refused("NotImplemented", sesv2.create_contact_list, ContactListName="x")
    with pytest.raises(ClientError, match="GetDedicatedIps"):
        sesv2.get_dedicated_ips()
