"""A device that a user trusts, as applications keep it: a key, and a secret of its own."""

import base64
import os

from cognito_users import PRIME, Srp, digest, padded


class Device:
    """A device that has just been told its key, by a sign-in of which it has the tokens."""

    def __init__(self, pool, tokens):
        self.pool, self.token = pool, tokens["AccessToken"]
        self.key, self.group = tokens["NewDeviceMetadata"]["DeviceKey"], tokens["NewDeviceMetadata"]["DeviceGroupKey"]
        self.secret = base64.b64encode(os.urandom(40)).decode()

    def confirm(self, **more):
        salt = int.from_bytes(os.urandom(16), "big")
        inner = digest(f"{self.group}{self.key}:{self.secret}".encode()).to_bytes(32, "big")
        verifier = pow(2, digest(padded(salt), inner), PRIME)
        encoded = {name: base64.b64encode(padded(number)).decode() for name, number in [("PasswordVerifier", verifier), ("Salt", salt)]}
        given = {"AccessToken": self.token, "DeviceKey": self.key, "DeviceSecretVerifierConfig": encoded, "DeviceName": "laptop"} | more
        return self.pool.cognito.confirm_device(**given)

    def start(self, begun, with_session=True):
        """Answers DEVICE_SRP_AUTH: what comes next, and who does it."""
        assert begun["ChallengeName"] == "DEVICE_SRP_AUTH"
        srp = Srp(self.group, self.secret)
        begun = begun if with_session else {"ChallengeName": "DEVICE_SRP_AUTH"}
        return srp, self.pool.respond(begun, USERNAME="ada", DEVICE_KEY=self.key, SRP_A=f"{srp.public:x}")

    def prove(self, begun, **more):
        """The tokens."""
        srp, next = self.start(begun, **more)
        assert next["ChallengeName"] == "DEVICE_PASSWORD_VERIFIER"
        return self.pool.respond(next, **srp.answer(next["ChallengeParameters"], self.key), DEVICE_KEY=self.key)["AuthenticationResult"]
