"""Asking for another BMC password: written once, and never set back."""

from __future__ import annotations

import pytest

from inventory.model import Host, RotationPhase
from inventory.states import HostState
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import make_host

PATH = "/api/hosts/r1-h1/bmc/rotate"


async def test_the_wish_is_recorded_with_its_event_and_the_loop_is_woken(
    site: Site, admin: str
) -> None:
    site.put(make_host())
    reply = await site.ask("POST", PATH, key=admin)
    assert reply.status_code == 200, reply.text
    (host,) = site.store.find(Host)
    assert host.rotation == "asked"
    (event,) = site.store.events()
    assert (event.kind, event.subject) == ("host.password-asked", "host:r1-h1")
    assert site.woken == 1


@pytest.mark.parametrize("phase", ["asked", "pending"])
async def test_a_rotation_under_way_is_never_set_back(
    site: Site, admin: str, phase: RotationPhase
) -> None:
    site.put(make_host(rotation=phase))
    assert (await site.ask("POST", PATH, key=admin)).status_code == 200
    (host,) = site.store.find(Host)
    assert host.rotation == phase
    assert not site.store.events()


async def test_a_retired_host_is_left_alone(site: Site, admin: str) -> None:
    site.put(make_host(state=HostState.RETIRED))
    reply = await site.ask("POST", PATH, key=admin)
    assert reply.status_code == 409
    assert "hint" in reply.text
    assert site.store.find(Host)[0].rotation == ""
