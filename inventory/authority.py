"""The site's own certificate authority: who the controller is, and which host an agent runs on.

It signs two kinds of leaf: the controller's server certificate (a fixed name, so that an agent can
verify it whatever address it was reached at) and one client certificate per boot of a host. Both
live for days, not years; the authority's key never leaves its 0600 file.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from inventory.errors import Invalid
from inventory.secrets import require_private, write_private

CONTROLLER_NAME = "podyard-controller"
AUTHORITY_DAYS = 3650  # replaced by adding a second one, not by surprise
SERVER_DAYS = 90  # renewed at every start
CLIENT_DAYS = 30  # longer than any boot is expected to matter; renewed at every boot
BMC_DAYS = 397  # as long as browsers believe one; renewed a month before
RSA_BITS_MIN = 2048
SKEW = timedelta(days=1)
"""A host's clock may be behind before chrony has run; and the service's own is ahead of its
machine's for hours after that was set back, which must not keep any host from reporting."""


class Authority:
    """Signs certificates for this site."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, certificate: x509.Certificate
    ) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def open(cls, directory: Path, *, now: datetime) -> Authority:
        """Load the authority from a directory, or create it there."""
        key_path, certificate_path = directory / "authority.key", directory / "authority.pem"
        if not key_path.exists() or not certificate_path.exists():
            _create(key_path, certificate_path, now=now)
        require_private(key_path)
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Invalid(f"{key_path} does not hold an elliptic-curve key")
        return cls(key, x509.load_pem_x509_certificate(certificate_path.read_bytes()))

    @classmethod
    def of(cls, certificate: Path, key: Path) -> Authority:
        """An authority that the site has already: its own files, which stay where they are."""
        require_private(key)
        loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise Invalid(f"{key} holds neither an elliptic-curve nor an RSA key")
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        if found.public_key() != loaded.public_key():
            raise Invalid(
                f"{key} is not the key of {certificate}",
                hint="give the two files of one authority",
            )
        return cls(loaded, found)

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue_server(self, directory: Path, *, now: datetime) -> tuple[Path, Path]:
        """A fresh server certificate and key for the controller, as files for the TLS listener."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(
            key.public_key(),
            name=CONTROLLER_NAME,
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            days=SERVER_DAYS,
            now=now,
        )
        key_path, certificate_path = directory / "controller.key", directory / "controller.pem"
        write_private(key_path, _key_pem(key))
        write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
        return certificate_path, key_path

    def issue_client(self, csr_pem: str, *, host_id: str, now: datetime) -> x509.Certificate:
        """A client certificate for one boot of a host. Only the request's public key is used."""
        try:
            request = x509.load_pem_x509_csr(csr_pem.encode())
        except ValueError as error:
            raise Invalid("csr_pem is not a PKCS#10 request") from error
        if not request.is_signature_valid:
            raise Invalid("csr_pem is not signed by the key it carries")
        public_key = request.public_key()
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise Invalid("csr_pem carries a key that is not elliptic-curve", hint="use P-256")
        return self._sign(
            public_key,
            name=host_id,
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            days=CLIENT_DAYS,
            now=now,
        )

    def issue_bmc(self, csr_pem: str, *, name: str, now: datetime) -> str:
        """A server certificate for a BMC's own key and its address on record, nothing it says."""
        try:
            request = x509.load_pem_x509_csr(csr_pem.encode())
        except ValueError as error:
            raise Invalid("it is not a PKCS#10 request") from error
        key = request.public_key()
        if not request.is_signature_valid:
            raise Invalid("it is not signed by the key that it carries")
        if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey) or (
            isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS_MIN
        ):
            raise Invalid(f"its key is neither elliptic-curve nor RSA of {RSA_BITS_MIN} bits")
        signed = self._sign(
            key, name=name, usage=ExtendedKeyUsageOID.SERVER_AUTH, days=BMC_DAYS, now=now
        )
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def _sign(
        self,
        public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        *,
        name: str,
        usage: x509.ObjectIdentifier,
        days: int,
        now: datetime,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    """An address as an address: a client that checks names looks for one among those alone."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _create(key_path: Path, certificate_path: Path, *, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podyard site authority")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    write_private(key_path, _key_pem(key))
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
