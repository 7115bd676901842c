"""A BMC's certificate replaced while the controller dies at every point; a handshake judges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from inventory.clock import SystemClock
from inventory.store.protocol import Change
from provisioning.errors import Ambiguous, BmcRefused, CertificateChanged
from provisioning.onboarding.renewing import PENDING_CERTIFICATE, CertificateNotShown
from tests.integration.onboarding.stage import Begin

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WANTED_POINTS = {
    "before-act",
    "before-act request_certificate",
    "mid-request request_certificate",
    "after-effect request_certificate",
    "before-record",
    "after-record",
    "mid-request install_certificate",
    "after-effect install_certificate",
}


async def test_a_bmc_shows_a_certificate_of_the_site_and_it_is_the_pin(begin: Begin) -> None:
    stage = await begin()
    before = stage.host.bmc.fingerprint
    stage.ask_renewal()
    await stage.life()
    host = stage.host
    assert (host.renewal, stage.told()) == ("", ["host.bmc-certificate"])
    assert await stage.shows(host.bmc.fingerprint)
    assert not await stage.shows(before)
    until = host.adoption.certificate_until
    assert until is not None
    assert until > SystemClock().now() + timedelta(days=300)


async def test_killed_at_each_fault_point_the_bmc_shows_a_certificate_on_record(
    begin: Begin,
) -> None:
    stage = await begin()
    stage.ask_renewal()
    points = await stage.life()
    assert set(points) == WANTED_POINTS
    for die_at in range(1, len(points) + 1):
        stage.ask_renewal()
        assert len(await stage.life(die_at)) == die_at
        on_record = (stage.host.bmc.fingerprint, stage.pending_pin())
        assert any([await stage.shows(one) for one in on_record if one]), points[die_at - 1]
        await stage.life()
        assert stage.host.renewal == "", points[die_at - 1]
        assert await stage.shows(stage.host.bmc.fingerprint), points[die_at - 1]
    assert set(stage.told()) == {"host.bmc-certificate"}


@pytest.mark.parametrize("fault", ["lost-reply", "error-after-act"])
async def test_an_answer_that_is_lost_or_lies_is_settled_by_a_handshake(
    begin: Begin, fault: str
) -> None:
    stage = await begin(f"{fault}@h1:path=ReplaceCertificate")
    stage.ask_renewal()
    with pytest.raises(Ambiguous):
        await stage.life()
    assert stage.host.renewal == "pending"
    await stage.life()
    assert (stage.host.renewal, stage.told()) == ("", ["host.bmc-certificate"])


async def test_a_refused_certificate_leaves_the_pinned_one(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await begin()
    before = stage.host.bmc.fingerprint

    async def refuse(_bmc: object, _pem: str) -> None:
        raise BmcRefused("the BMC takes none", status=400)

    monkeypatch.setattr(
        "provisioning.drivers.redfish.driver.RedfishBmc.install_certificate", refuse
    )
    stage.ask_renewal()
    await stage.life()
    assert (stage.host.renewal, stage.told()) == ("", ["host.bmc-certificate-kept"])
    assert stage.host.adoption.certificate_tried_at is not None
    assert stage.host.bmc.fingerprint == before
    assert await stage.shows(before)


async def test_a_certificate_that_is_shown_later_keeps_both_on_record(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await begin()

    with monkeypatch.context() as patched:
        patched.setattr(
            "provisioning.drivers.redfish.driver.RedfishBmc.install_certificate",
            lambda _bmc, _pem: _nothing(),
        )
        stage.ask_renewal()
        with pytest.raises(CertificateNotShown, match="shows the old one"):
            await stage.life()
    assert stage.host.renewal == "pending"
    assert await stage.shows(stage.host.bmc.fingerprint)
    await stage.life()
    assert (stage.host.renewal, stage.told()) == ("", ["host.bmc-certificate"])


async def test_a_certificate_that_nobody_knows_parks_and_sends_nothing(begin: Begin) -> None:
    stage = await begin()
    stage.ask_renewal()
    await stage.life()
    strange = stage.host.bmc.model_copy(update={"fingerprint": "sha256:" + "0" * 64})
    other = stage.authority.pem
    sealed = stage.box.seal(stage.host.id, PENDING_CERTIFICATE, SecretStr(other))
    half = stage.host.model_copy(update={"renewal": "pending", "bmc": strange})
    change = Change(replace=(half,), secrets={(stage.host.id, PENDING_CERTIFICATE): sealed})
    stage.store.apply(change, now=SystemClock().now())
    with pytest.raises(CertificateChanged, match="neither the pinned nor the pending"):
        await stage.life()


async def test_a_held_host_keeps_its_certificate(begin: Begin) -> None:
    stage = await begin()
    before = stage.host.bmc.fingerprint
    stage.ask_renewal()
    await stage.life(held=True)
    assert stage.host.renewal == "asked"
    assert await stage.shows(before)


async def _nothing() -> None:
    """Yes, and nothing done."""
