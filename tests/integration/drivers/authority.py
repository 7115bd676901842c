"""A certificate authority for tests: it signs what no honest one would."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.integration.drivers.scripted_bmc import Certificate

HERE = "127.0.0.1"


@dataclass(frozen=True)
class Authority:
    """Its key, and its certificate as a file."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    ca_file: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        """A new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        now = dt.datetime.now(dt.UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=30))
            .not_valid_after(now + dt.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(signed.public_bytes(Encoding.PEM))
        return cls(key=key, name=name, ca_file=ca_file)

    def issue(self, folder: Path, *, address: str = HERE, ended_days_ago: int = -10) -> Certificate:
        """A certificate for `address`, over since so many days."""
        folder.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        until = dt.datetime.now(dt.UTC) - dt.timedelta(days=ended_days_ago)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        signed = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bmc")]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - dt.timedelta(days=20))
            .not_valid_after(until)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        cert_file, key_file = folder / "cert.pem", folder / "key.pem"
        cert_file.write_bytes(signed.public_bytes(Encoding.PEM))
        key_file.touch(mode=0o600)
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        der = signed.public_bytes(Encoding.DER)
        return Certificate(cert_file, key_file, "sha256:" + hashlib.sha256(der).hexdigest())
