"""An authenticator in software: makes passkeys and signs with them, and lies where it is told to."""

import base64
import hashlib
import json
import os
import struct

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PRESENT, VERIFIED, NEW = 0x01, 0x04, 0x40


def encoded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Passkey:
    """One passkey, of an algorithm of COSE. What differs from what a browser would do is given by name."""

    def __init__(self, algorithm=-7):
        self.algorithm, self.id, self.counter = algorithm, os.urandom(32), 0
        if algorithm == -7:
            self.private = ec.generate_private_key(ec.SECP256R1())
            numbers = self.private.public_key().public_numbers()
            self.key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        elif algorithm == -8:
            self.private = ed25519.Ed25519PrivateKey.generate()
            self.key = {1: 1, 3: -8, -1: 6, -2: self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)}
        elif algorithm == -257:
            self.private = rsa.generate_private_key(65537, 2048)
            numbers = self.private.public_key().public_numbers()
            self.key = {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: b"\x01\x00\x01"}
        else:
            self.private = ec.generate_private_key(ec.SECP384R1())
            numbers = self.private.public_key().public_numbers()
            self.key = {1: 2, 3: algorithm, -1: 2, -2: numbers.x.to_bytes(48, "big"), -3: numbers.y.to_bytes(48, "big")}

    def sign(self, message):
        if self.algorithm == -8:
            return self.private.sign(message)
        if self.algorithm == -257:
            return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))

    def data(self, party, flags, counter, rest=b""):
        return hashlib.sha256(party.encode()).digest() + struct.pack(">BI", flags, counter) + rest

    def client_data(self, kind, challenge, origin, **more):
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False} | more).encode()

    def make(self, options, origin=None, party=None, flags=PRESENT | VERIFIED, kind="webauthn.create", challenge=None):
        """RegistrationResponseJSON."""
        party = party or options["rp"]["id"]
        new = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(self.key)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self.data(party, flags | NEW, self.counter, new)}
        client_data = self.client_data(kind, challenge or options["challenge"], origin or f"https://{options['rp']['id']}")
        response = {"clientDataJSON": encoded(client_data), "attestationObject": encoded(cbor2.dumps(attestation)), "transports": ["internal", "hybrid"]}
        return {"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key", "authenticatorAttachment": "platform", "clientExtensionResults": {}, "response": response}

    def answer(self, options, user=None, origin=None, party=None, flags=PRESENT | VERIFIED, kind="webauthn.get", challenge=None, counter=None, key=None):
        """AuthenticationResponseJSON."""
        self.counter += 1
        data = self.data(party or options["rpId"], flags, self.counter if counter is None else counter)
        client_data = self.client_data(kind, challenge or options["challenge"], origin or f"https://{options['rpId']}")
        signature = (key or self).sign(data + hashlib.sha256(client_data).digest())
        response = {"clientDataJSON": encoded(client_data), "authenticatorData": encoded(data), "signature": encoded(signature)}
        response |= {"userHandle": encoded(user.encode())} if user else {}
        return {"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key", "clientExtensionResults": {}, "response": response}
