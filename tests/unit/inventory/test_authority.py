"""The site's certificate authority signs what it was told, for as long as it said."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from inventory.authority import CLIENT_DAYS, CONTROLLER_NAME, Authority
from inventory.errors import Invalid, SecretRefused
from tests.unit.inventory.records import NOW


def request_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, name: str = "evil") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signed = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path, now=NOW)


def test_only_the_public_key_of_a_request_counts(authority: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue_client(request_pem(key), host_id="host-1", now=NOW)
    assert issued.public_key() == key.public_key()
    assert issued.subject.rfc4514_string() == "CN=host-1"
    basic = issued.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert basic.ca is False
    usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert issued.not_valid_after_utc == NOW + timedelta(days=CLIENT_DAYS)
    issued.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.pem.encode()))


def test_every_certificate_has_a_serial_of_its_own(authority: Authority) -> None:
    pem = request_pem(ec.generate_private_key(ec.SECP256R1()))
    serials = {authority.issue_client(pem, host_id="h", now=NOW).serial_number for _ in range(5)}
    assert len(serials) == 5


def test_the_server_certificate_has_the_name_that_agents_expect(
    authority: Authority, tmp_path: Path
) -> None:
    certificate_path, key_path = authority.issue_server(tmp_path, now=NOW)
    issued = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [CONTROLLER_NAME]
    usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAA\n"])
def test_what_is_no_request_is_refused(authority: Authority, pem: str) -> None:
    with pytest.raises(Invalid):
        authority.issue_client(pem, host_id="h", now=NOW)


def test_a_request_that_its_key_did_not_sign_is_refused(authority: Authority) -> None:
    pem = request_pem(ec.generate_private_key(ec.SECP256R1()))
    der = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER))
    der[der.index(b"evil")] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(Invalid, match="not signed"):
        authority.issue_client(forged.decode(), host_id="h", now=NOW)


def test_a_key_of_another_kind_is_refused(authority: Authority) -> None:
    pem = request_pem(rsa.generate_private_key(65537, 2048))
    with pytest.raises(Invalid) as refused:
        authority.issue_client(pem, host_id="h", now=NOW)
    assert refused.value.hint == "use P-256"


def test_the_authority_stays_the_same_over_starts(authority: Authority, tmp_path: Path) -> None:
    assert Authority.open(tmp_path, now=NOW + timedelta(days=1)).pem == authority.pem


def test_an_authority_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Authority.open(tmp_path, now=NOW)
    (tmp_path / "authority.key").chmod(0o644)
    with pytest.raises(SecretRefused):
        Authority.open(tmp_path, now=NOW)
