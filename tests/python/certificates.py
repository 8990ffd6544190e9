"""Certificates for tests: an authority, and what it vouches for."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._build(_named("tests"), self.key, datetime.datetime.now(datetime.UTC) + 30 * DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ).sign(self.key, hashes.SHA256())
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _build(self, subject, key, until):
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(_named("tests")).public_key(key.public_key())
        return builder.serial_number(x509.random_serial_number()).not_valid_before(min(now, until) - 2 * DAY).not_valid_after(until)

    def make(self, *names, file=None, days=30, kind="ec"):
        """The files of a certificate for these names, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
        alternative = [x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
        until = datetime.datetime.now(datetime.UTC) + days * DAY
        builder = self._build(_named(names[0]), key, until).add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        stem = file or names[0]
        paths = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        chain = [certificate, self.certificate]
        # The key first: whoever reads between the two sees a pair that does not fit, and waits.
        paths[1].write_bytes(_pem(key))
        paths[0].write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
        return paths
