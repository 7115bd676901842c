"""Who is at the far end is settled before a byte of HTTP is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inventory.states import PowerState
from provisioning.errors import (
    BmcUnreachable,
    CertificateChanged,
    ProvisioningError,
)
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.scripted_bmc import (
    ByteCounter,
    Certificate,
    ScriptedBmc,
)

pytestmark = pytest.mark.integration


async def test_changed_certificate_receives_no_byte_of_http(
    other_certificate: Certificate, connect: Connect
) -> None:
    impostor = ByteCounter(other_certificate)
    await impostor.start()
    try:
        with pytest.raises(CertificateChanged):
            await connect(f"redfish+https://127.0.0.1:{impostor.port}").power_on()
        async with asyncio.timeout(5):
            await impostor.met.wait()
    finally:
        await impostor.stop()
    assert impostor.received == b""


async def test_the_pinned_certificate_does_receive_http(
    certificate: Certificate, connect: Connect
) -> None:
    # The control: the same listener counts bytes when nothing holds them back.
    mute = ByteCounter(certificate)
    await mute.start()
    try:
        with pytest.raises(BmcUnreachable):
            await connect(f"redfish+https://127.0.0.1:{mute.port}", deadline_s=1.0).power()
    finally:
        await mute.stop()
    assert mute.received.startswith(b"GET /redfish/v1/ HTTP/1.1")
    assert b"Basic" not in mute.received


async def test_certificate_changed_between_two_verbs_is_noticed(
    bmc: ScriptedBmc, other_certificate: Certificate, connect: Connect
) -> None:
    driver = connect()
    await driver.power()
    await bmc.stop()
    impostor = ScriptedBmc(other_certificate, port=bmc.port)
    await impostor.start()
    try:
        with pytest.raises(CertificateChanged):
            await driver.power()
        await driver.close()
    finally:
        await impostor.stop()
    assert impostor.seen == []


async def test_certificate_of_another_ca_receives_no_byte_of_http(
    other_certificate: Certificate, certificate: Certificate, connect: Connect
) -> None:
    impostor = ByteCounter(other_certificate)
    await impostor.start()
    try:
        with pytest.raises(CertificateChanged, match="nothing was sent"):
            await connect(
                f"redfish+https://127.0.0.1:{impostor.port}",
                fingerprint=None,
                ca_file=certificate.cert_file,
            ).power()
    finally:
        await impostor.stop()
    assert impostor.received == b""


async def test_certificate_signed_by_the_ca_is_accepted(
    certificate: Certificate, connect: Connect
) -> None:
    driver = connect(fingerprint=None, ca_file=certificate.cert_file)
    assert await driver.power() is PowerState.OFF


async def test_ca_file_without_a_certificate_is_named(tmp_path: Path, connect: Connect) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    with pytest.raises(ProvisioningError, match=r"ca\.pem"):
        await connect(fingerprint=None, ca_file=empty).power()
