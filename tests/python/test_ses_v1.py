"""SES version 1 through boto3: every operation."""

import json
from email import message_from_string, policy

import pytest
from cloudlet import ACCOUNT, REGION, wait_until
from test_iam import allow, key_of
from test_ses import UNVERIFIED, arn, listening, mail, source, to
from test_sns import refused

MESSAGE = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "There"}, "Html": {"Data": "<b>There</b>"}}}


@pytest.fixture
def sender(ses, unique):
    address = f"{unique}@example.com"
    ses.verify_email_identity(EmailAddress=address)
    return address


def test_mails(server, ses, sender):
    id = ses.send_email(
        Source=f"Shop <{sender}>",
        Destination={"ToAddresses": ["bob@example.com"], "BccAddresses": ["cy@example.com"]},
        Message=MESSAGE,
        ReplyToAddresses=["desk@example.com"],
    )["MessageId"]
    kept = mail(server, id)
    assert (kept["Subject"], kept["Text"], kept["Html"], kept["From"]) == ("Hello", "There", "<b>There</b>", f"Shop <{sender}>")
    assert source(server, id)["Reply-To"] == "desk@example.com"
    raw = f"From: {sender}\nTo: bob@example.com\nSubject: Raw\n\nHello\n".encode()
    id = ses.send_raw_email(RawMessage={"Data": raw})["MessageId"]
    assert mail(server, id)["Subject"] == "Raw" and mail(server, id)["To"] == ["bob@example.com"]
    # Who it is from and for may be said beside the message, which may even be empty.
    id = ses.send_raw_email(Source=sender, Destinations=["cy@example.com"], RawMessage={"Data": b""})["MessageId"]
    assert mail(server, id)["To"] == ["cy@example.com"] and source(server, id)["From"] == sender


def test_templates(server, ses, sender, unique):
    template = {"TemplateName": unique, "SubjectPart": "Hi {{name}}", "TextPart": "Dear {{name}}", "HtmlPart": "<b>{{name}}</b>"}
    ses.create_template(Template=template)
    refused("AlreadyExists", ses.create_template, Template=template)
    refused("InvalidTemplate", ses.create_template, Template=template | {"TemplateName": "bad", "TextPart": "{{#if}}"})
    template["TextPart"] = "Dearest {{name}}"
    ses.update_template(Template=template)
    refused("TemplateDoesNotExist", ses.update_template, Template=template | {"TemplateName": "none"})
    assert ses.get_template(TemplateName=unique)["Template"] == template
    assert unique in [found["Name"] for found in ses.list_templates(MaxItems=100)["TemplatesMetadata"]]
    rendered = ses.test_render_template(TemplateName=unique, TemplateData='{"name": "Ada"}')["RenderedTemplate"]
    assert message_from_string(rendered, policy=policy.default)["Subject"] == "Hi Ada"
    told = refused("MissingRenderingAttribute", ses.test_render_template, TemplateName=unique, TemplateData="{}")
    assert told == "Attribute 'name' is not present in the rendering data."
    refused("InvalidRenderingParameter", ses.test_render_template, TemplateName=unique, TemplateData="x")
    refused("TemplateDoesNotExist", ses.test_render_template, TemplateName="none", TemplateData="{}")
    send = dict(Source=sender, Template=unique, TemplateData='{"name": "Ada"}', Destination=to("ada@example.com"))
    assert mail(server, ses.send_templated_email(**send)["MessageId"])["Text"] == "Dearest Ada"
    refused("TemplateDoesNotExist", ses.send_templated_email, **send | {"Template": "none"})
    refused("InvalidRenderingParameter", ses.send_templated_email, **send | {"TemplateData": "x"})
    destinations = [
        {"Destination": to("ada@example.com"), "ReplacementTemplateData": '{"name": "Ada"}'},
        {"Destination": to("nowhere")},
        {"Destination": to("bob@example.com")},
    ]
    bulk = dict(Source=sender, Template=unique, DefaultTemplateData='{"name": "you"}', Destinations=destinations)
    results = ses.send_bulk_templated_email(**bulk)["Status"]
    assert [result["Status"] for result in results] == ["Success", "InvalidParameterValue", "Success"]
    assert [mail(server, results[number]["MessageId"])["Subject"] for number in (0, 2)] == ["Hi Ada", "Hi you"]
    refused("TemplateDoesNotExist", ses.send_bulk_templated_email, **bulk | {"Template": "none"})
    ses.delete_template(TemplateName=unique)
    ses.delete_template(TemplateName=unique)
    refused("TemplateDoesNotExist", ses.get_template, TemplateName=unique)


def test_identities(ses, unique):
    address, domain = f"{unique}@example.com", f"{unique}.example.com"
    ses.verify_email_identity(EmailAddress=address)
    ses.verify_email_address(EmailAddress=address)
    token = ses.verify_domain_identity(Domain=domain)["VerificationToken"]
    assert ses.verify_domain_identity(Domain=domain)["VerificationToken"] == token
    tokens = ses.verify_domain_dkim(Domain=domain)["DkimTokens"]
    assert len(set(tokens)) == 3
    found = ses.get_identity_verification_attributes(Identities=[address, domain, "none@example.com"])["VerificationAttributes"]
    assert found == {address: {"VerificationStatus": "Success"}, domain: {"VerificationStatus": "Success", "VerificationToken": token}}
    ses.set_identity_dkim_enabled(Identity=domain, DkimEnabled=False)
    found = ses.get_identity_dkim_attributes(Identities=[domain, address])["DkimAttributes"]
    assert found[domain] == {"DkimEnabled": False, "DkimVerificationStatus": "Success", "DkimTokens": tokens}
    assert found[address]["DkimVerificationStatus"] == "NotStarted"
    ses.set_identity_mail_from_domain(Identity=domain, MailFromDomain=f"bounce.{domain}", BehaviorOnMXFailure="RejectMessage")
    found = ses.get_identity_mail_from_domain_attributes(Identities=[domain])["MailFromDomainAttributes"][domain]
    assert found == {"MailFromDomain": f"bounce.{domain}", "MailFromDomainStatus": "Success", "BehaviorOnMXFailure": "RejectMessage"}
    every = [ses.list_identities(IdentityType=kind, MaxItems=1000)["Identities"] for kind in ("EmailAddress", "Domain")]
    assert address in every[0] and domain not in every[0] and domain in every[1]
    assert address in ses.list_verified_email_addresses()["VerifiedEmailAddresses"]
    for bad in ("", "x", "a@", "a b@example.com"):
        refused("InvalidParameterValue", ses.verify_email_identity, EmailAddress=bad)
    refused("InvalidParameterValue", ses.verify_domain_identity, Domain="a@example.com")
    refused("InvalidParameterValue", ses.set_identity_dkim_enabled, Identity="none.example.com", DkimEnabled=True)
    refused("InvalidParameterValue", ses.list_identities, IdentityType="Other")
    ses.delete_identity(Identity=domain)
    ses.delete_identity(Identity=domain)
    ses.delete_verified_email_address(EmailAddress=address)
    assert ses.get_identity_verification_attributes(Identities=[address, domain])["VerificationAttributes"] == {}


def test_policies_of_identities(ses, sender):
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ses:SendEmail", "Resource": arn(f"identity/{sender}")}]})
    ses.put_identity_policy(Identity=sender, PolicyName="p", Policy=document)
    assert ses.list_identity_policies(Identity=sender)["PolicyNames"] == ["p"]
    assert ses.get_identity_policies(Identity=sender, PolicyNames=["p", "q"])["Policies"] == {"p": document}
    refused("InvalidPolicy", ses.put_identity_policy, Identity=sender, PolicyName="q", Policy="{}")
    refused("InvalidParameterValue", ses.put_identity_policy, Identity="none@example.com", PolicyName="q", Policy=document)
    ses.delete_identity_policy(Identity=sender, PolicyName="p")
    assert ses.list_identity_policies(Identity=sender)["PolicyNames"] == []


def test_notifications_of_identities(ses, sns, sqs, sender, unique):
    topic, queue = listening(sns, sqs, unique)
    ses.set_identity_notification_topic(Identity=sender, NotificationType="Bounce", SnsTopic=topic)
    (told,) = queue.bodies()
    assert told["notificationType"] == "AmazonSnsSubscriptionSucceeded" and topic in told["message"]
    refused("InvalidParameterValue", ses.set_identity_feedback_forwarding_enabled, Identity=sender, ForwardingEnabled=False)
    ses.set_identity_notification_topic(Identity=sender, NotificationType="Complaint", SnsTopic=topic)
    queue.take()
    ses.set_identity_feedback_forwarding_enabled(Identity=sender, ForwardingEnabled=False)
    ses.set_identity_headers_in_notifications_enabled(Identity=sender, NotificationType="Complaint", Enabled=True)
    found = ses.get_identity_notification_attributes(Identities=[sender])["NotificationAttributes"][sender]
    assert found["BounceTopic"] == found["ComplaintTopic"] == topic and "DeliveryTopic" not in found and not found["ForwardingEnabled"]
    assert found["HeadersInComplaintNotificationsEnabled"] and not found["HeadersInBounceNotificationsEnabled"]
    for user in ("bounce", "complaint"):
        id = ses.send_email(Source=sender, Destination=to(f"{user}@simulator.amazonses.com"), Message=MESSAGE)["MessageId"]
        (told,) = queue.bodies()
        assert told["notificationType"] == user.capitalize() and told["mail"]["messageId"] == id and told["mail"]["source"] == sender
        assert ("headers" in told["mail"]) == (user == "complaint") and "tags" not in told["mail"]
    assert told["complaint"]["complainedRecipients"] == [{"emailAddress": "complaint@simulator.amazonses.com"}]
    ses.set_identity_notification_topic(Identity=sender, NotificationType="Bounce")
    assert "BounceTopic" not in ses.get_identity_notification_attributes(Identities=[sender])["NotificationAttributes"][sender]
    told = refused("InvalidParameterValue", ses.set_identity_headers_in_notifications_enabled, Identity=sender, NotificationType="Other", Enabled=True)
    assert told == "Invalid notification type: Other. Valid values are: Bounce, Complaint, Delivery."
    missing = f"arn:aws:sns:{REGION}:{ACCOUNT}:missing"
    refused("InvalidParameterValue", ses.set_identity_notification_topic, Identity=sender, NotificationType="Bounce", SnsTopic=missing)
    refused("MessageRejected", ses.set_identity_notification_topic, Identity="none@example.com", NotificationType="Bounce", SnsTopic=topic)


def test_configuration_sets(ses, sns, sqs, sender, unique):
    ses.create_configuration_set(ConfigurationSet={"Name": unique})
    refused("ConfigurationSetAlreadyExists", ses.create_configuration_set, ConfigurationSet={"Name": unique})
    assert {"Name": unique} in ses.list_configuration_sets(MaxItems=1000)["ConfigurationSets"]
    topic, queue = listening(sns, sqs, unique)
    destination = {"Name": "told", "Enabled": True, "MatchingEventTypes": ["send", "renderingFailure"], "SNSDestination": {"TopicARN": topic}}
    place = dict(ConfigurationSetName=unique, EventDestination=destination)
    ses.create_configuration_set_event_destination(**place)
    refused("EventDestinationAlreadyExists", ses.create_configuration_set_event_destination, **place)
    missing = {"TopicARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:missing"}
    wrong = place | {"EventDestination": destination | {"SNSDestination": missing, "Name": "other"}}
    refused("InvalidSNSDestination", ses.create_configuration_set_event_destination, **wrong)
    refused("ConfigurationSetDoesNotExist", ses.create_configuration_set_event_destination, **place | {"ConfigurationSetName": "none"})
    destination["MatchingEventTypes"] = ["send"]
    ses.update_configuration_set_event_destination(**place)
    ses.update_configuration_set_reputation_metrics_enabled(ConfigurationSetName=unique, Enabled=True)
    ses.put_configuration_set_delivery_options(ConfigurationSetName=unique, DeliveryOptions={"TlsPolicy": "Require"})
    names = ["eventDestinations", "deliveryOptions", "reputationOptions", "trackingOptions"]
    found = ses.describe_configuration_set(ConfigurationSetName=unique, ConfigurationSetAttributeNames=names)
    assert found["EventDestinations"] == [destination] and found["DeliveryOptions"] == {"TlsPolicy": "Require"}
    assert found["ReputationOptions"]["ReputationMetricsEnabled"] and "TrackingOptions" not in found
    queue.take(2)
    send = dict(Source=sender, Destination=to("bob@example.com"), Message=MESSAGE, ConfigurationSetName=unique)
    ses.send_email(**send, Tags=[{"Name": "a", "Value": "b"}])
    (told,) = queue.bodies()
    assert told["eventType"] == "Send" and told["mail"]["tags"]["a"] == ["b"] and told["mail"]["tags"]["ses:operation"] == ["SendEmail"]
    ses.update_configuration_set_sending_enabled(ConfigurationSetName=unique, Enabled=False)
    refused("ConfigurationSetSendingPausedException", ses.send_email, **send)
    gone = dict(ConfigurationSetName=unique, EventDestinationName="told")
    ses.delete_configuration_set_event_destination(**gone)
    assert refused("EventDestinationDoesNotExist", ses.delete_configuration_set_event_destination, **gone) == f"No EventDestination found for {unique}"
    ses.delete_configuration_set(ConfigurationSetName=unique)
    assert refused("ConfigurationSetDoesNotExist", ses.delete_configuration_set, ConfigurationSetName=unique) == f"Configuration set <{unique}> does not exist."
    refused("ConfigurationSetDoesNotExist", ses.send_email, **send)


def test_what_was_sent_is_counted(server):
    # In a region of its own.
    ses = server.client_as("ses", server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"], region="eu-west-2")
    ses.verify_email_identity(EmailAddress="a@example.com")
    for address in ("success", "bounce", "complaint"):
        ses.send_email(Source="a@example.com", Destination=to(f"{address}@simulator.amazonses.com"), Message=MESSAGE)
    ses.send_email(Source="a@example.com", Destination=to("b@example.com", "c@example.com"), Message=MESSAGE)
    assert ses.get_send_quota()["SentLast24Hours"] == 5

    def counted():
        points = ses.get_send_statistics()["SendDataPoints"]
        return [sum(point[name] for point in points) for name in ("DeliveryAttempts", "Bounces", "Complaints", "Rejects")]

    wait_until(lambda: counted() == [5, 1, 1, 0], what="the counts")
    assert ses.get_account_sending_enabled()["Enabled"]
    ses.update_account_sending_enabled(Enabled=False)
    assert not ses.get_account_sending_enabled()["Enabled"]
    refused("AccountSendingPausedException", ses.send_email, Source="a@example.com", Destination=to("b@example.com"), Message=MESSAGE)


def test_who_may_send(server, iam, ses, sender, unique):
    iam.create_user(UserName=unique)
    iam.put_user_policy(UserName=unique, PolicyName="send", PolicyDocument=allow("ses:SendEmail", arn(f"identity/{sender}")))
    user = server.client_as("ses", *key_of(server, iam, unique))
    send = dict(Source=sender, Destination=to("bob@example.com"), Message=MESSAGE)
    assert user.send_email(**send)["MessageId"]
    raw = {"Data": f"From: {sender}\nTo: bob@example.com\n\nx".encode()}
    assert "ses:SendRawEmail" in refused("AccessDenied", user.send_raw_email, RawMessage=raw)
    ses.verify_email_identity(EmailAddress=f"other-{sender}")
    refused("AccessDenied", user.send_email, **send | {"Source": f"other-{sender}"})


@pytest.mark.parametrize(
    "name,value,told",
    [
        ("a:b", "x", "Invalid tag name <a:b>: only alphanumeric ASCII characters, '_',  '-' are allowed."),
        ("a", "b:c", "Invalid tag value <b:c>: only alphanumeric ASCII characters, '_',  '-' , '.', '@' are allowed."),
        ("a" * 300, "x", "Tag name cannot exceed 255 characters."),
        ("a", "x" * 300, "Tag value cannot exceed 255 characters."),
        ("", "", "The tag name must be specified."),
        ("a", "", "The tag value must be specified."),
    ],
    ids=range(6),
)
def test_tags_of_messages(ses, sender, name, value, told):
    send = dict(Source=sender, Destination=to("bob@example.com"), Message=MESSAGE)
    assert refused("InvalidParameterValue", ses.send_email, **send, Tags=[{"Name": name, "Value": value}]) == told


def test_what_is_wrong_is_refused(ses, sender, unique):
    send = dict(Source=sender, Destination=to("bob@example.com"), Message=MESSAGE)
    stranger = f"{unique}@stranger.example.com"
    assert refused("MessageRejected", ses.send_email, **send | {"Source": stranger}) == UNVERIFIED + stranger
    for wrong in (
        {"Source": "nobody"},
        {"Destination": {}},
        {"Destination": to("bob")},
        {"Destination": to("bob@example.com\r\nCc: eve@example.com")},
        {"Message": {"Subject": {"Data": "x"}, "Body": {}}},
        {"ReturnPath": "nowhere"},
    ):
        refused("InvalidParameterValue", ses.send_email, **send | wrong)
    refused("InvalidParameterValue", ses.send_raw_email, RawMessage={"Data": b"Subject: x\n\nx"})
    refused("InvalidParameterValue", ses.send_raw_email, RawMessage={"Data": f"From: {sender}\n\nx".encode()})
    assert "CreateReceiptRuleSet" in refused("NotImplemented", ses.create_receipt_rule_set, RuleSetName="x")
    assert "SendBounce" in refused("NotImplemented", ses.send_bounce, OriginalMessageId="x", BounceSender=sender, BouncedRecipientInfoList=[])
