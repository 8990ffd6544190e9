"""Mail of SES on its way through a relay: what it takes, what it refuses, and what a crash does to it."""

import json
import re
import urllib.error
import urllib.request
from email import message_from_string

import pytest
from cloudlet import Server, wait_until
from relay import Relay
from test_ses import listen, simple, to
from test_sns import refused

SENDER = "shop@example.com"


class World:
    def __init__(self, folder):
        self.relay = Relay()
        self.server = Server(folder / "data", options=["--smtp", f"smtp://127.0.0.1:{self.relay.port}"])
        self.ses, self.sns, self.sqs = (self.server.client(service) for service in ("sesv2", "sns", "sqs"))
        self.ses.create_email_identity(EmailIdentity="example.com")

    def send(self, *addresses, **more):
        return self.ses.send_email(FromEmailAddress=SENDER, Destination=to(*addresses), Content=simple(), **more)["MessageId"]

    def sent(self, id):
        """Who got a message."""
        return sorted(recipient for sender, recipients, text in self.relay.mails if sender and id in text for recipient in recipients)

    def reports(self):
        """What nobody is told of, where it does not arrive, with whom it reached."""
        return [(recipients, message_from_string(text)) for sender, recipients, text in self.relay.mails if not sender]


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.server.kill()
    world.relay.close()


def test_each_recipient_is_sent_to_by_itself(world):
    queue = listen(world.ses, world.sns, world.sqs, "set", "DELIVERY", "BOUNCE", "DELIVERY_DELAY")
    world.relay.refusals = {
        "gone@a.example.org": "550 5.1.1 no such user",
        "full@a.example.org": "552 5.2.2 mailbox full",
        "policy@a.example.org": "550 5.7.1 not from you",
        "later@a.example.org": "451 4.3.0 come back",
    }
    addresses = ["ada@b.example.org", *world.relay.refusals]
    id = world.send(*addresses, ConfigurationSetName="set")
    events = {}
    for event in queue.bodies(5):
        events[recipient_of(event)] = event
    assert events["ada@b.example.org"]["delivery"]["smtpResponse"] == "250 fine"
    gone = events["gone@a.example.org"]["bounce"]
    assert gone["bounceType"] == "Permanent" and gone["bouncedRecipients"][0]["status"] == "5.1.1" and "no such user" in gone["bouncedRecipients"][0]["diagnosticCode"]
    assert events["full@a.example.org"]["bounce"]["bounceSubType"] == "MailboxFull"
    assert events["policy@a.example.org"]["bounce"]["bounceType"] == "Transient"
    assert events["later@a.example.org"]["eventType"] == "DeliveryDelay"
    # Who does not exist is not sent to again; who refused for another reason is.
    assert world.ses.get_suppressed_destination(EmailAddress="gone@a.example.org")["SuppressedDestination"]["Attributes"]["MessageId"] == id
    for address in ("full@a.example.org", "policy@a.example.org"):
        refused("NotFoundException", world.ses.get_suppressed_destination, EmailAddress=address)
    world.relay.refusals.clear()
    wait_until(lambda: world.sent(id) == ["ada@b.example.org", "later@a.example.org"], what="the second attempt")
    assert world.relay.asked.count("gone@a.example.org") == 1
    again = world.send("gone@a.example.org", "full@a.example.org")
    wait_until(lambda: world.sent(again) == ["full@a.example.org"], what="the next mail")
    sender, _, text = next(mail for mail in world.relay.mails if mail[0])
    assert sender == SENDER and f"Message-ID: <{id}@email.amazonses.com>" in text


def recipient_of(event):
    detail = event.get("delivery") or event.get("bounce") or event["deliveryDelay"]
    found = detail.get("recipients") or detail.get("bouncedRecipients") or detail["delayedRecipients"]
    return found[0] if isinstance(found[0], str) else found[0]["emailAddress"]


def test_a_bounce_is_told_to_the_sender_by_mail(world):
    world.relay.refusals = {"gone@example.org": "550 5.1.1 no such user"}
    id = world.send("gone@example.org")
    wait_until(world.reports, what="the report")
    [(recipients, report)] = world.reports()
    assert recipients == [SENDER] and report.get_content_type() == "multipart/report" and report.get_param("report-type") == "delivery-status"
    text, status, header = report.get_payload()
    assert "gone@example.org" in text.get_payload() and "no such user" in text.get_payload()
    recipient = status.get_payload()[1]
    assert (recipient["Final-Recipient"], recipient["Action"], recipient["Status"]) == ("rfc822; gone@example.org", "failed", "5.1.1")
    assert recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
    assert header.get_content_type() == "text/rfc822-headers" and f"Message-ID: <{id}@email.amazonses.com>" in header.get_payload() and "Subject: Hello" in header.get_payload()

    # Who does not want it is told all the same where nobody else is.
    queue = listen(world.ses, world.sns, world.sqs, "set", "BOUNCE")
    world.ses.put_email_identity_feedback_attributes(EmailIdentity="example.com", EmailForwardingEnabled=False)
    world.relay.refusals |= {"told@example.org": "550 5.1.1 no", "untold@example.org": "550 5.1.1 no"}
    world.send("told@example.org", ConfigurationSetName="set")
    assert len(queue.bodies(1)) == 1
    world.send("untold@example.org")
    wait_until(lambda: len(world.reports()) == 2, what="the second report")
    assert "untold@example.org" in world.reports()[1][1].get_payload()[0].get_payload()

    # Of a report that is refused nobody is told.
    world.relay.refusals |= {SENDER: "550 5.1.1 no such user", "last@example.org": "550 5.1.1 no"}
    world.send("last@example.org")
    wait_until(lambda: world.relay.asked.count(SENDER) == 3, what="the third report is refused")
    wait_until(lambda: json.loads(world.server.run("events", "--json").stdout)["Waiting"] == [], what="nothing waits")
    assert world.relay.asked.count(SENDER) == 3 and len(world.reports()) == 2


def test_a_relay_that_lets_nobody_in_makes_nobody_bounce(world):
    world.relay.refusals[None] = "530 5.7.0 authenticate first"
    id = world.send("ada@example.org")
    wait_until(lambda: world.relay.asked, what="an attempt")
    assert "Waiting" in world.server.run("events", "--json").stdout
    world.relay.refusals.clear()
    wait_until(lambda: world.sent(id) == ["ada@example.org"], what="the mail")
    refused("NotFoundException", world.ses.get_suppressed_destination, EmailAddress="ada@example.org")


def test_what_was_accepted_goes_out_after_a_crash(world):
    world.relay.answers.clear()
    ids = [world.send(f"user{number}@example.org", "bob@example.net") for number in range(20)]
    wait_until(lambda: world.relay.asked, what="an attempt")
    world.server.kill()
    assert world.relay.mails == []
    world.relay.answers.set()
    world.server.start()
    for number, id in enumerate(ids):
        wait_until(lambda: world.sent(id) == ["bob@example.net", f"user{number}@example.org"], what="the mail, once to each")


def test_an_address_is_verified_by_a_link(world):
    address = "ada@elsewhere.example.net"
    made = world.ses.create_email_identity(EmailIdentity=address)
    assert not made["VerifiedForSendingStatus"] and world.ses.get_email_identity(EmailIdentity=address)["VerificationStatus"] == "PENDING"
    send = dict(FromEmailAddress=address, Destination=to("bob@example.org"), Content=simple())
    refused("MessageRejected", world.ses.send_email, **send)
    wait_until(lambda: any(recipients == [address] for _, recipients, _ in world.relay.mails), what="the link")
    (text,) = [text for _, recipients, text in world.relay.mails if recipients == [address]]
    link = re.search(r"http://\S+/_aws/ses/verify/[0-9a-f]+", text.replace("=\n", "")).group()
    with urllib.request.urlopen(link) as answer:
        assert address in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(link)
    assert world.ses.get_email_identity(EmailIdentity=address)["VerificationStatus"] == "SUCCESS"
    id = world.ses.send_email(**send)["MessageId"]
    wait_until(lambda: world.sent(id) == ["bob@example.org"], what="the mail")
    # The first version asks again for as long as nobody answers.
    v1, other = world.server.client("ses"), "eve@elsewhere.example.net"
    for count in (1, 2):
        v1.verify_email_identity(EmailAddress=other)
        wait_until(lambda: sum(recipients == [other] for _, recipients, _ in world.relay.mails) == count, what="a link")
    assert v1.get_identity_verification_attributes(Identities=[other])["VerificationAttributes"][other]["VerificationStatus"] == "Pending"


def test_no_line_of_a_mail_ends_it(world):
    hostile = f"From: {SENDER}\nTo: ada@example.org\nSubject: x\n\nfirst\n.\nMAIL FROM:<eve@example.com>\r.\rlast\n"
    id = world.ses.send_email(Content={"Raw": {"Data": hostile.encode()}})["MessageId"]
    wait_until(lambda: world.sent(id) == ["ada@example.org"], what="the mail")
    assert len(world.relay.mails) == 1 and world.relay.mails[0][2].rstrip("\n").endswith("first\n..\nMAIL FROM:<eve@example.com>\n..\nlast")
