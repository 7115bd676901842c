"""What is done to a BMC before anything is done to its host, and what never is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.model import Adoption
from inventory.states import HostState, PowerState
from provisioning.drivers.protocol import BmcIdentity
from provisioning.lifecycle.actions import (
    AskRenewal,
    AskRotation,
    CloseIpmi,
    CloseWeakCiphers,
    RecordFindings,
)
from provisioning.lifecycle.adopting import CLOSINGS_MAX, adopt
from provisioning.lifecycle.decision import Advance, Do, Hold, Seen
from provisioning.lifecycle.registering import decide_registering
from provisioning.onboarding.policy import AdoptionPolicy
from tests.make import NOW, make_host, make_wanted

WANTED = make_wanted()
OPEN = ("IPMI over LAN is open at its BMC",)


def factory(**changes: object):  # noqa: ANN201 - a host
    """A host with its vendor's password."""
    host = make_host(state=HostState.REGISTERING, **changes)
    return host.model_copy(update={"bmc": host.bmc.model_copy(update={"credentials": "factory"})})


def seen(serial: str = "S1", **changes: object) -> Seen:
    """A look at the host that is expected."""
    identity = BmcIdentity(serial=serial, uuid="u-1", manufacturer="M", model="X", bmc_firmware="1")
    whole: dict[str, object] = {"now": NOW, "identity": identity, "power": PowerState.OFF}
    return Seen(**{**whole, **changes})  # type: ignore[arg-type]


def test_a_vendor_s_password_goes_before_anything_else() -> None:
    found = adopt(factory(), seen(ipmi_open=True), WANTED)
    assert isinstance(found, Do)
    assert found.action == AskRotation()


def test_a_vendor_s_password_is_no_business_of_a_host_that_was_not_expected() -> None:
    assert isinstance(decide_registering(factory(), seen(serial="S2"), WANTED), Hold)


def test_a_bmc_with_its_site_s_own_password_and_nothing_open_is_left_alone() -> None:
    host = make_host(state=HostState.REGISTERING)
    assert adopt(host, seen(ipmi_open=False), WANTED) is None
    assert isinstance(decide_registering(host, seen(ipmi_open=None), WANTED), Advance)


def test_ipmi_is_closed_until_it_was_tried_often_enough_and_is_a_finding_then() -> None:
    host = make_host(adoption=Adoption(closings=CLOSINGS_MAX - 1))
    assert adopt(host, seen(ipmi_open=True), WANTED) == Do(CloseIpmi(), OPEN[0])
    tried = make_host(adoption=Adoption(closings=CLOSINGS_MAX))
    assert adopt(tried, seen(ipmi_open=True), WANTED) == Do(RecordFindings(OPEN), OPEN[0])
    told = make_host(adoption=Adoption(closings=CLOSINGS_MAX, findings=OPEN))
    assert adopt(told, seen(ipmi_open=True), WANTED) is None


def test_what_was_closed_is_told_once() -> None:
    host = make_host(adoption=Adoption(closings=1))
    assert adopt(host, seen(ipmi_open=False), WANTED) == Do(RecordFindings(()), "closed")
    assert adopt(make_host(), seen(ipmi_open=False), WANTED) is None


def test_a_site_that_needs_ipmi_keeps_it_and_is_told_of_it() -> None:
    wanted = make_wanted(adoption=AdoptionPolicy(close_ipmi=False))
    assert adopt(make_host(), seen(ipmi_open=True), wanted) == Do(RecordFindings(OPEN), OPEN[0])


def test_weak_suites_are_named_and_closed() -> None:
    found = adopt(make_host(), seen(weak_ciphers=(0, 1)), WANTED)
    assert found == Do(CloseWeakCiphers((0, 1)), "IPMI cipher suites 0, 1 may be used")


@pytest.mark.parametrize(
    ("done", "asked"),
    [
        (Adoption(), True),
        (Adoption(certificate_until=NOW + timedelta(days=300)), False),
        (Adoption(certificate_tried_at=NOW), False),
    ],
)
def test_a_certificate_is_installed_once_where_the_site_wants_it(
    *, done: Adoption, asked: bool
) -> None:
    wanted = make_wanted(adoption=AdoptionPolicy(certificates=True))
    found = adopt(make_host(adoption=done), seen(takes_certificates=True), wanted)
    assert (isinstance(found, Do) and found.action == AskRenewal()) == asked
    assert adopt(make_host(adoption=done), seen(takes_certificates=True), WANTED) is None
    assert adopt(make_host(adoption=done), seen(takes_certificates=False), wanted) is None
