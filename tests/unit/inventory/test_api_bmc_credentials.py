"""What a person says of a BMC ends what podyard did with the password or certificate before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.model import Adoption, Host, Problem
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host

PATH = "/api/hosts/r1-h1/bmc"
DONE = Adoption(
    password_set_at=NOW,
    certificate_until=NOW + timedelta(days=300),
    findings=("IPMI over LAN is open at its BMC",),
)
OTHER = "sha256:" + "cd" * 32


async def corrected(site: Site, key: str, body: dict[str, Any], **fields: Any) -> Host:
    """The host, after this was said of it."""
    site.put(make_host(adoption=DONE, **fields))
    reply = await site.ask("PATCH", PATH, body, key=key)
    assert reply.status_code == 200, reply.text
    (host,) = site.store.find(Host)
    return host


async def test_a_person_s_password_is_the_site_s_own_and_not_rotated(
    site: Site, admin: str
) -> None:
    access = make_host().bmc.model_copy(update={"credentials": "factory"})
    parked = Problem(kind="factory-credentials", message="m", since=NOW, remedy="r")
    host = await corrected(site, admin, {"password": "a word"}, bmc=access, problem=parked)
    assert (host.bmc.credentials, host.problem) == ("own", None)
    assert host.adoption.password_set_at is None
    assert host.adoption.certificate_until == DONE.certificate_until


async def test_a_password_may_be_said_to_be_known_to_others(site: Site, admin: str) -> None:
    host = await corrected(site, admin, {"password": "calvin", "credentials": "factory"})
    assert host.bmc.credentials == "factory"


async def test_a_fingerprint_that_a_person_read_ends_a_renewal(site: Site, admin: str) -> None:
    host = await corrected(site, admin, {"fingerprint": OTHER}, renewal="pending")
    assert (host.bmc.fingerprint, host.renewal) == (OTHER, "")
    assert host.adoption.certificate_until is None
    assert host.adoption.password_set_at == NOW


async def test_another_bmc_was_never_adopted(site: Site, admin: str) -> None:
    host = await corrected(site, admin, {"address": "redfish+https://127.0.0.1:9999"})
    assert host.adoption == Adoption()


async def test_why_tells_of_the_bmc(site: Site, admin: str) -> None:
    site.put(make_host(adoption=DONE, rotation="asked", renewal="pending"))
    told = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()["bmc"]
    assert told == [
        "its password is being replaced (asked)",
        f"its password is podyard's own since {NOW:%Y-%m-%d}",
        "its certificate is being replaced (pending)",
        f"its certificate is the site's own until {DONE.certificate_until:%Y-%m-%d}",
        "IPMI over LAN is open at its BMC",
    ]


@pytest.mark.parametrize("value", ["mine", "", "FACTORY"])
async def test_other_words_are_refused(site: Site, admin: str, value: str) -> None:
    site.put(make_host())
    assert (await site.ask("PATCH", PATH, {"credentials": value}, key=admin)).status_code == 422
