"""A pool with its users, as applications use them, and the client's side of SRP, written down from RFC 5054 anew."""

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import time
from datetime import datetime, timezone

from cloudlet import wait_until

# The group of 3,072 bits: RFC 3526, section 4.
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374F"
    "E1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA"
    "48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E77"
    "2C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521AB"
    "DF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D876027"
    "33EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
PASSWORD = "Right-Passw0rd"


def padded(number):
    """A number's bytes, the first of which is no sign."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def digest(*parts):
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


class Srp:
    """Somebody who signs in without sending a password: a user of a pool, or a device of a group."""

    def __init__(self, group, password):
        self.group, self.password = group, password
        self.secret = int.from_bytes(os.urandom(32), "big")
        self.public = pow(2, self.secret, PRIME)

    def answer(self, parameters, device=None):
        """The responses to PASSWORD_VERIFIER, or a device's to DEVICE_PASSWORD_VERIFIER."""
        user, salt, b = device or parameters["USER_ID_FOR_SRP"], int(parameters["SALT"], 16), int(parameters["SRP_B"], 16)
        block = base64.b64decode(parameters["SECRET_BLOCK"], validate=True)
        u, k = digest(padded(self.public), padded(b)), digest(padded(PRIME), b"\x02")
        inner = hashlib.sha256(f"{self.group}{user}:{self.password}".encode()).digest()
        x = digest(padded(salt), inner)
        shared = pow(b - k * pow(2, x, PRIME), self.secret + u * x, PRIME)
        extracted = hmac.digest(padded(u), padded(shared), "sha256")
        key = hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]
        now = datetime.now(timezone.utc)
        stamp = f"{now:%a %b} {now.day} {now:%H:%M:%S UTC %Y}"
        signature = hmac.digest(key, self.group.encode() + user.encode() + block + stamp.encode(), "sha256")
        return {
            "USERNAME": parameters["USERNAME"],
            "PASSWORD_CLAIM_SECRET_BLOCK": parameters["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(signature).decode(),
            "TIMESTAMP": stamp,
        }


def secret_hash(secret, name, client):
    return base64.b64encode(hmac.digest(secret.encode(), (name + client).encode(), "sha256")).decode()


def authenticator(secret, offset=0):
    """The code that an authenticator shows: RFC 6238."""
    mac = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + offset), "sha1")
    place = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def claims(token):
    """What a token says; whether it is true, is not looked at."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Pool:
    """A user pool and a client of it."""

    def __init__(self, server, cognito, name, flows=("USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "CUSTOM_AUTH", "ADMIN_USER_PASSWORD_AUTH"), client=None, **settings):
        self.server, self.cognito = server, cognito
        made = cognito.create_user_pool(PoolName=name, **({"AutoVerifiedAttributes": ["email"]} | settings))["UserPool"]
        self.id, self.arn = made["Id"], made["Arn"]
        made = cognito.create_user_pool_client(UserPoolId=self.id, ClientName=name, ExplicitAuthFlows=[f"ALLOW_{flow}" for flow in flows], **(client or {}))
        self.client, self.secret = made["UserPoolClient"]["ClientId"], made["UserPoolClient"].get("ClientSecret")

    def add(self, user, /, email=None, password=PASSWORD, **attributes):
        """A user who can sign in."""
        given = {"email": email or f"{user}@example.com", "email_verified": "true"} | attributes
        attributes = [{"Name": name, "Value": value} for name, value in given.items()]
        self.cognito.admin_create_user(UserPoolId=self.id, Username=user, UserAttributes=attributes, MessageAction="SUPPRESS")
        self.cognito.admin_set_user_password(UserPoolId=self.id, Username=user, Password=password, Permanent=True)

    def begin(self, name, password=PASSWORD, parameters={}, **more):
        parameters = {"USERNAME": name, "PASSWORD": password} | parameters
        return self.cognito.initiate_auth(ClientId=self.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters, **more)

    def choose(self, name, **parameters):
        """Begins a sign-in whose first factor is chosen."""
        return self.cognito.initiate_auth(ClientId=self.client, AuthFlow="USER_AUTH", AuthParameters={"USERNAME": name} | parameters)

    def sign_in(self, name, password=PASSWORD, **more):
        """The tokens."""
        return self.begin(name, password, **more)["AuthenticationResult"]

    def begin_srp(self, name, password=PASSWORD, flow="USER_SRP_AUTH", **more):
        srp = Srp(self.id.split("_")[1], password)
        parameters = {"USERNAME": name, "SRP_A": f"{srp.public:x}"} | more
        return srp, self.cognito.initiate_auth(ClientId=self.client, AuthFlow=flow, AuthParameters=parameters)

    def sign_in_srp(self, name, password=PASSWORD):
        srp, begun = self.begin_srp(name, password)
        assert begun["ChallengeName"] == "PASSWORD_VERIFIER"
        return self.respond(begun, **srp.answer(begun["ChallengeParameters"]))

    def respond(self, begun, **responses):
        session = {"Session": begun["Session"]} if "Session" in begun else {}
        return self.cognito.respond_to_auth_challenge(ClientId=self.client, ChallengeName=begun["ChallengeName"], ChallengeResponses=responses, **session)

    def refresh(self, token, **more):
        parameters = {"REFRESH_TOKEN": token} | more
        return self.cognito.initiate_auth(ClientId=self.client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=parameters)["AuthenticationResult"]

    def mails(self, address):
        listed = json.loads(self.server.run("mail", "list", "--json").stdout)["Mails"]
        return [mail for mail in listed if mail["To"] == [address]]

    def mail(self, address, number=1):
        """The newest mail to an address, once there are so many."""
        return wait_until(lambda: len(mails := self.mails(address)) >= number and mails, what=f"mail to {address}")[0]

    def code(self, address, number=1):
        return re.search(r"\b\d{6}\b", self.mail(address, number)["Text"]).group()
