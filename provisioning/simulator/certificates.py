"""A BMC's own self-signed certificate: what its clients pin, since no authority vouches for it."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provisioning.simulator.state import write_secret

VALID_DAYS = 3650
"""Ten years, as BMC vendors do: nobody renews these."""


def ensure_certificate(
    certificate: Path,
    key: Path,
    *,
    name: str,
    renew: bool,
    expired: bool = False,
    elsewhere: bool = False,
) -> None:
    """Make the pair unless it is there already; `renew` makes a new one in any case.

    One that is `expired` ended yesterday; one from `elsewhere` names another address.
    """
    if certificate.exists() and key.exists() and not renew:
        return
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}-bmc")])
    # Dated back a day: a client whose clock is a little behind must not refuse a new hall.
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    end = start + dt.timedelta(days=VALID_DAYS)
    if expired:
        start, end = start - dt.timedelta(days=VALID_DAYS), start
    place = ("192.0.2.1", "bmc.elsewhere.invalid") if elsewhere else ("127.0.0.1", "localhost")
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.IPAddress(ipaddress.ip_address(place[0])),
                    x509.DNSName(place[1]),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    write_secret(
        key,
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    write_secret(certificate, signed.public_bytes(serialization.Encoding.PEM))


def fingerprint(certificate: Path) -> str:
    """`sha256:` and the hex digest of the certificate in DER."""
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    der = loaded.public_bytes(serialization.Encoding.DER)
    return "sha256:" + hashlib.sha256(der).hexdigest()


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and newer, as the Redfish specification asks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # podyard does not resume, and each costs both sides a message
    context.load_cert_chain(certificate, key)
    return context
