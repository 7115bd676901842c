"""A certificate that nobody vouches for: it is told, and a site may want none of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inventory.expected_hosts import ExpectedHost
from inventory.expecting.enrolling import enrol_expected
from inventory.expecting.trusting import OnboardingSettings
from inventory.model import Host
from inventory.resources.recording import Who
from inventory.store.reading import every
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import FINGERPRINT, make_pod
from tests.unit.inventory.test_api_expected import listed, make_found, send, slot

FIRST_SIGHT = "host.first-sight"
PINNED = "name,pod,slot,serial,bmc,fingerprint,username,password\n"


async def known(site: Site, admin: str, *, pinned: bool = False, **found: Any) -> None:
    """One expected host, and the BMC that was found for it."""
    site.put(make_pod(), make_found(1, **found))
    row = f"r1-h1,lab,{slot(1)},SN1,redfish+https://127.0.0.1:9001,"
    row += f"{FINGERPRINT if pinned else ''},root,factory-Pa55word\n"
    assert (await send(site, admin, (PINNED + row).encode())).json()["written"]


async def why(site: Site, admin: str) -> str:
    return (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).text


async def test_first_sight_is_told_until_a_person_says_the_fingerprint(
    site: Site, admin: str
) -> None:
    await known(site, admin)
    await site.ask("POST", "/api/expected-hosts/enrol", {}, key=admin)
    (told,) = [event for event in site.store.events() if event.kind == FIRST_SIGHT]
    assert (told.subject, told.new) == ("host:r1-h1", FINGERPRINT)
    assert "nobody vouched for it" in told.why
    assert "taken at first sight" in await why(site, admin)

    said = {"fingerprint": FINGERPRINT}
    assert (await site.ask("PATCH", "/api/hosts/r1-h1/bmc", said, key=admin)).is_success
    assert "first sight" not in await why(site, admin)


@pytest.mark.parametrize(
    ("pinned", "found"), [(True, {}), (False, {"vouched_by": "site authority"})]
)
async def test_a_pin_of_a_person_or_an_authority_is_no_first_sight(
    site: Site, admin: str, *, pinned: bool, found: dict[str, str]
) -> None:
    await known(site, admin, pinned=pinned, **found)
    strict = replace(site.deps, onboarding=OnboardingSettings(first_sight=False))
    done = enrol_expected(strict, Who("jane", ""), every(site.store, ExpectedHost))
    assert [one.host for one in done] == ["r1-h1"]
    assert FIRST_SIGHT not in [event.kind for event in site.store.events()]
    assert "first sight" not in await why(site, admin)


async def test_a_site_that_wants_none_of_it_gets_no_host_and_is_told_how(
    site: Site, admin: str
) -> None:
    await known(site, admin)
    strict = replace(site.deps, onboarding=OnboardingSettings(first_sight=False))
    (done,) = enrol_expected(strict, Who("jane", ""), every(site.store, ExpectedHost))
    assert not done.host
    assert "none is taken at first sight here" in done.why
    assert FINGERPRINT in done.hint
    assert not every(site.store, Host)
    (row,) = every(site.store, ExpectedHost)
    assert row.why == done.why


async def test_a_list_with_rows_of_both_kinds_marks_those_alone_that_nobody_vouches_for(
    site: Site, admin: str
) -> None:
    site.put(make_pod(), make_found(1), make_found(2, vouched_by="site authority"))
    lines = [
        f"r1-h{n},lab,{slot(n)},SN{n},,redfish+https://127.0.0.1:{9000 + n},root,pw-{n},yes"
        for n in (1, 2)
    ]
    assert (await send(site, admin, listed(*lines))).json()["written"]
    seen = {host.name: host.adoption.first_sight_at for host in every(site.store, Host)}
    assert seen["r1-h1"] is not None
    assert seen["r1-h2"] is None
