"""A feed dies under a bring-up: nothing is started on what is left, and all goes on by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.model import Host
from inventory.places import PowerFeed
from inventory.store.protocol import Change
from inventory.store.reading import every
from pods import catalogue
from tests.integration.faults.farm import Farm, bring_up, rests, roomy

pytestmark = pytest.mark.integration

DIES_S, DEAD_FOR_S = 300.0, 900.0
SEEN_S = 120.0
"""By then every ready host was read whole, twice."""


def dying_feed(names: list[str]) -> list[str]:
    """The supplies that hang on the first feed of every host."""
    return [
        f"dead-supply@{name}:at={DIES_S},for={DEAD_FOR_S},slot=PSU{n}"
        for name in names
        for n in range(3)
    ]


def pause(farm: Farm, names: list[str], why: str) -> None:
    """What `podyard host pause` writes, and `resume` where there is no reason."""
    for name in names:
        host = farm.hosts()[name]
        farm.store.apply(
            Change(replace=(host.model_copy(update={"paused": why}),)), now=farm.clock.now()
        )
        farm.store.wake_hosts(now=farm.clock.now(), host_id=host.id)


def test_nothing_is_started_on_half_its_feeds_and_all_goes_on_when_the_feed_is_back(
    tmp_path: Path,
) -> None:
    spec = roomy(catalogue.load("hgx-h100-8"))
    spec = spec.model_copy(update={"bring_up": spec.bring_up.model_copy(update={"canary": 2})})
    names = [slot.slot for _, slot in spec.slots()]
    early, late = names[:2], names[2:]
    waited: dict[str, set[str]] = {name: set() for name in late}
    dead: set[str] = set()

    async def hold_two_back(farm: Farm) -> None:
        await farm.clock.sleep(1.0)  # they were looked at, and wait for the plan
        pause(farm, late, "a technician is at the rack")
        await farm.clock.sleep(DIES_S + SEEN_S)
        assert all(rests(farm.hosts()[name]) for name in early)
        pause(farm, late, "")
        await farm.clock.sleep(3600.0)

    def over(farm: Farm) -> bool:
        now: dict[str, Host] = farm.hosts()
        for name in late:
            waited[name].add(now[name].waiting)
        dead.update(one.name for one in every(farm.store, PowerFeed) if one.dead)
        return farm.loop.time() > DIES_S + DEAD_FOR_S + 60 and all(map(rests, now.values()))

    told = bring_up(
        tmp_path,
        spec,
        dying_feed(names),
        meanwhile=hold_two_back,
        until=over,
        inspect_every_s=60.0,
    )

    assert dead == {"r1-a"}
    kinds = [e.kind for e in told.events if e.kind.startswith("feed.")]
    assert kinds == ["feed.dead", "feed.back"]
    suspended = [e for e in told.events if e.kind == "certificate.suspended"]
    assert {e.subject for e in suspended} == {f"host:{name}" for name in early}
    begun = told.journal[0]["at"]
    for name in late:
        assert any(
            "waiting for power: feed r1-a is dead" in why and "run on r1-b alone" in why
            for why in waited[name]
        ), waited[name]
        (on,) = [e["at"] - begun for e in told.of(name, "power.on")]
        assert on > DIES_S + DEAD_FOR_S
    assert {host.state.value for host in told.hosts.values()} == {"ready"}
    assert not [host.problem for host in told.hosts.values() if host.problem]
