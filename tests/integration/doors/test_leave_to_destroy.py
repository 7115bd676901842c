"""An agent whose boot would write or erase disks is let in by a leave of that moment, or not."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.holding import hold, release
from inventory.model import AgentSeen, Host
from inventory.store.protocol import Change
from provisioning.boot.media import DiskImage
from provisioning.boot.orders import LEAVE_VALID, asks_for_leave
from tests.integration.doors.conftest import Agent, Door
from tests.make import make_facts

pytestmark = pytest.mark.integration

BOOTS: list[dict[str, Any]] = [
    {"purpose": "deploy"},
    {"purpose": "read-drives", "erase": ("block",)},
]


@pytest.fixture
def disk_image() -> DiskImage:
    return DiskImage("sha256:" + "0" * 64, "PEM")


def record(door: Door, host: Host) -> Host:
    found = door.store.get(Host, host.id)
    assert found is not None
    assert found.boot is not None
    return found


def give_leave(door: Door, host: Host, *, ago: Any = None) -> None:
    """What a controller writes when it looked at everything once more."""
    now = record(door, host)
    assert now.boot is not None
    given = door.clock.now() - ago if ago else door.clock.now()
    boot = now.boot.model_copy(update={"leave_given_at": given})
    fresh = now.model_copy(update={"boot": boot})
    door.store.apply(Change(replace=(fresh,)), now=door.clock.now())


@pytest.mark.parametrize("boot", BOOTS)
async def test_agent_waits_for_leave_and_is_in_with_it(
    door: Door, agent: Agent, boot: dict[str, Any]
) -> None:
    host, token, _ = door.enrolled_host(simulated=False, leave=False, **boot)
    early = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert (early.status_code, early.headers["retry-after"]) == (503, "5")
    assert asks_for_leave(record(door, host).boot)
    assert door.woken == 1
    assert door.store.get(AgentSeen, host.id) is None

    give_leave(door, host)
    late = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert late.status_code == 200


async def test_leave_of_long_ago_is_asked_for_anew(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host(simulated=False, leave=False, **BOOTS[0])
    give_leave(door, host, ago=LEAVE_VALID * 2)
    reply = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert reply.status_code == 503
    assert asks_for_leave(record(door, host).boot)


async def test_hold_after_the_leave_keeps_the_agent_out_until_it_is_released(
    door: Door, agent: Agent
) -> None:
    host, token, _ = door.enrolled_host(simulated=False, **BOOTS[0])
    now = door.clock.now()
    hold(door.store, None, reason="smoke in the hall", by="ann", now=now)
    reply = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert reply.status_code == 503
    assert "smoke in the hall" in reply.json()["error"]["message"]
    release(door.store, None, by="ann", clock=door.clock)
    reply = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert reply.status_code == 200


async def test_agent_that_repeats_because_no_answer_came_is_held_as_any_other(
    door: Door, agent: Agent
) -> None:
    """It is on record as let in; a person has held the fleet since, and it has begun nothing."""
    host, token, _ = door.enrolled_host(simulated=False, **BOOTS[0])
    lost = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert lost.status_code == 200
    hold(door.store, None, reason="smoke in the hall", by="ann", now=door.clock.now())
    again = await door.enrol(agent, token, host.serial, found_serial=host.serial)
    assert again.status_code == 503


@pytest.mark.parametrize("boot", BOOTS)
@pytest.mark.parametrize(
    ("serial", "macs", "answer"),
    [
        ("", (), 403),
        ("To be filled by O.E.M.", (), 403),
        ("Default string", ("02:00:00:00:00:99",), 403),
        ("LAB999999999", (), 403),
        ("Default string", (make_facts().nics[0].mac.upper(),), 200),
    ],
)
async def test_host_that_nothing_speaks_for_is_given_no_such_orders(
    door: Door, agent: Agent, boot: dict[str, Any], serial: str, macs: tuple[str, ...], answer: int
) -> None:
    host, token, _ = door.enrolled_host(simulated=False, facts=make_facts(), **boot)
    reply = await door.enrol(agent, token, host.serial, found_serial=serial, macs=macs)
    assert reply.status_code == answer
    assert bool(record(door, host).boot.refused) is (answer != 200)  # type: ignore[union-attr]  # it has one


async def test_boot_that_destroys_nothing_needs_no_leave(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host(simulated=False, leave=False, purpose="read-drives")
    assert (await door.enrol(agent, token, host.serial)).status_code == 200
