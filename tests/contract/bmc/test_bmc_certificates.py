"""A BMC makes a key, gets a certificate for it from us, and shows that one."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from provisioning.drivers.capabilities import Capability, CertificateDriver
from provisioning.drivers.protocol import Bmc
from provisioning.errors import BmcRefused, CertificateChanged
from tests.contract.bmc.bed import Bed

pytestmark = pytest.mark.integration
CAPABILITY = Capability.CERTIFICATES


def signed(request_pem: str | None) -> x509.Certificate:
    """By an authority of the moment; for a key of nobody's without a request."""
    authority = ec.generate_private_key(ec.SECP256R1())
    request = x509.load_pem_x509_csr(request_pem.encode()) if request_pem else None
    key = request.public_key() if request else ec.generate_private_key(ec.SECP256R1()).public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podyard test authority")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(request.subject if request else name)
        .issuer_name(name)
        .public_key(key)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .sign(authority, hashes.SHA256())
    )


def pin(certificate: x509.Certificate) -> str:
    return "sha256:" + hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


async def test_installed_certificate_is_shown_from_then_on(bed: Bed, bmc: Bmc) -> None:
    assert isinstance(bmc, CertificateDriver)
    before = await bmc.certificates()
    assert [one.fingerprint for one in before] == [bed.fingerprint]
    with pytest.raises(BmcRefused):
        await bmc.install_certificate(signed(None).public_bytes(Encoding.PEM).decode())
    new = signed(await bmc.request_certificate("h2-bmc.test"))
    await bmc.install_certificate(new.public_bytes(Encoding.PEM).decode())
    await bmc.close()
    with pytest.raises(CertificateChanged):
        await bmc.identity()
    renewed = bed.open(fingerprint=pin(new))
    try:
        assert isinstance(renewed, CertificateDriver)
        shown = await renewed.certificates()
        assert [one.fingerprint for one in shown] == [pin(new)]
        bed.fingerprint = pin(new)
    finally:
        await renewed.close()
