"""A certificate authority for one cluster, which lives exactly as long as it takes to sign once.

Ray encrypts its gRPC with one certificate per process and believes whatever the cluster's authority
signed. All hosts of a cluster trust each other with everything already (they share its token), so
they share one certificate too: it names every address that a host of this cluster can ever have.
The authority's key is thrown away after that signature, so nobody can ever sign another.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from inventory.agents import RayTls
from runtime.lanes import every_address

VALID = timedelta(days=3650)  # rotated with the cluster; a cluster must not end by a date
SKEW = timedelta(days=1)  # a host's clock may be behind before it has asked for the time


def issue_tls(subnet: int, *, now: datetime) -> RayTls:
    """A fresh authority's certificate, and the one certificate that it signed."""
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podyard ray cluster")])
    root = (
        _begun(issuer, issuer, authority.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    node = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podyard ray host")])
    leaf = (
        _begun(node, issuer, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_both_ways(), critical=False)
        .add_extension(_names(subnet), critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return RayTls(ca_pem=_pem(root), certificate_pem=_pem(leaf), key_pem=pem.decode())


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + VALID)
    )


def _both_ways() -> x509.ExtendedKeyUsage:
    """Ray shows the same certificate as a server and as a client."""
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _names(subnet: int) -> x509.SubjectAlternativeName:
    addresses = (ipaddress.ip_address(one) for one in ("127.0.0.1", *every_address(subnet)))
    return x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), *(x509.IPAddress(one) for one in addresses)]
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
