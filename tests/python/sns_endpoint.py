"""An HTTP endpoint that subscribes to topics, and the check of what it is sent: as AWS documents it."""

import base64
import json
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from http_endpoint import HttpEndpoint

SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    "UnsubscribeConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
}


def verify(message):
    """Raises an error unless the message's signature is right."""
    url = message.get("SigningCertURL") or message["SigningCertUrl"]
    with urllib.request.urlopen(url) as answer:
        certificate = x509.load_pem_x509_certificate(answer.read())
    text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if message.get(name) is not None)
    algorithm = hashes.SHA256() if message["SignatureVersion"] == "2" else hashes.SHA1()
    certificate.public_key().verify(base64.b64decode(message["Signature"]), text.encode(), padding.PKCS1v15(), algorithm)


class Endpoint(HttpEndpoint):
    """Subscribes to topics."""

    def next(self):
        """The headers and the body of the next request that was not asked for yet."""
        request = self.next_request()
        return request.headers, request.body

    def message(self):
        """The next request's message, whose signature is right."""
        message = json.loads(self.next()[1])
        verify(message)
        return message
