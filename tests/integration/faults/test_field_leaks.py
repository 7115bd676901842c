"""A leak under load: the loop's load stops, its hosts go off in order, a person opens it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.model import ComputeUnit, Host
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.verbs import retried
from pods import catalogue
from pods.spec import PodSpec
from tests.integration.faults import farm as beds
from tests.integration.faults.farm import Farm, Told, bring_up, rests, roomy

pytestmark = pytest.mark.integration

WET_S = 1200.0
"""From the boot of the host that leaks: then somebody has dried it."""
DRIED_S = 2400.0


def loop_of_four(**policy: str) -> PodSpec:
    """One rack of four liquid-cooled hosts."""
    spec = roomy(catalogue.load("hgx-b200-8-liquid"))
    return spec.model_copy(update={"bring_up": spec.bring_up.model_copy(update=policy)})


def retry(farm: Farm, name: str) -> None:
    """What `podyard host retry` writes."""
    host, now = farm.hosts()[name], farm.clock.now()
    fields = {**retried(host, now), "wake_at": now}
    farm.store.apply(Change(replace=(host.model_copy(update=fields),)), now=now)


def claim(farm: Farm, name: str) -> None:
    """A tenant holds a ready host."""
    host = farm.hosts()[name]
    (unit,) = [one for one in every(farm.store, ComputeUnit) if host.id in one.host_ids]
    held = unit.model_copy(update={"claim": "c1", "state": "claimed"})
    farm.store.apply(Change(replace=(held,)), now=farm.clock.now())


def acts(told: Told, name: str) -> list[str]:
    """What was done to a host's power."""
    return [e["what"] for e in told.of(name, "power.on", "os.shutdown", "power.off")]


def test_a_leak_in_burn_in_stops_its_loop_and_a_person_opens_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beds, "MEASURES_S", 200.0)
    spec = loop_of_four()
    names = [slot.slot for _, slot in spec.slots()]
    leaks, seen = names[1], dict[str, Host]()

    async def a_person_comes(farm: Farm) -> None:
        await farm.clock.sleep(DRIED_S)
        seen.update(farm.hosts())
        retry(farm, leaks)
        await farm.clock.sleep(3600.0)

    def over(farm: Farm) -> bool:
        return farm.loop.time() > DRIED_S + 60 and all(map(rests, farm.hosts().values()))

    told = bring_up(
        tmp_path,
        spec,
        [f"leak@{leaks}:after=boot,for={WET_S}"],
        meanwhile=a_person_comes,
        until=over,
    )

    # A person is called to the one that leaks; the others of its loop wait, and say for what.
    assert seen[leaks].problem is not None
    assert seen[leaks].problem.parked
    assert seen[leaks].problem.kind == "leak"
    assert not seen[leaks].certificate_id
    for name in set(names) - {leaks}:
        problem = seen[name].problem
        assert problem is not None
        assert problem.kind == "loop-closed"
        assert not problem.parked
        assert leaks in seen[name].waiting
    assert [e.subject for e in told.events if e.kind == "host.leak"] == [f"host:{leaks}"]
    # Whoever was being measured beside it is not any more.
    assert [e for e in told.events if e.kind == "host.load-stopped"]
    # The hall's word: operating system first, then power, nothing on while the loop was closed.
    (leaked,) = [e.at for e in told.events if e.kind == "host.leak"]
    begun = told.journal[0]["at"]
    for name in names:
        done = told.of(name, "power.on", "os.shutdown", "power.off")
        closed = [e["what"] for e in done if leaked.timestamp() <= e["at"] < begun + DRIED_S]
        assert closed in (["os.shutdown", "power.off"], []), closed
        running = [e["what"] for e in done if e["at"] < leaked.timestamp()][-1:] == ["power.on"]
        assert bool(closed) is running
    assert {host.state.value for host in told.hosts.values()} == {"ready"}


@pytest.mark.parametrize("policy", ["", "stop"])
def test_a_claim_on_the_loop_is_ended_by_nobody_but_the_pods_policy(
    tmp_path: Path, policy: str
) -> None:
    spec = loop_of_four(**({"leak": policy} if policy else {}))
    names = [slot.slot for _, slot in spec.slots()]
    holds, leaks = names[0], names[-1]

    async def a_tenant(farm: Farm) -> None:
        while not farm.hosts()[holds].certificate_id:
            await farm.clock.sleep(1.0)
        claim(farm, holds)
        await farm.clock.sleep(3600.0)

    told = bring_up(
        tmp_path,
        spec,
        [f"leak@{leaks}:after=boot"],
        meanwhile=a_tenant,
        until=lambda farm: farm.loop.time() > 600,
    )

    assert told.hosts[holds].state.value == "draining"
    expected = ["power.on", "os.shutdown", "power.off"] if policy else ["power.on"]
    assert acts(told, holds) == expected
    for name in names[1:]:
        assert acts(told, name) == ["power.on", "os.shutdown", "power.off"]


def test_a_parked_host_on_the_loop_goes_dark_and_stays_parked(tmp_path: Path) -> None:
    spec = loop_of_four()
    names = [slot.slot for _, slot in spec.slots()]
    parked, leaks = names[1], names[-1]

    def is_parked(farm: Farm) -> bool:
        problem = farm.hosts()[parked].problem
        return problem is not None and problem.parked

    async def all_rest(farm: Farm) -> None:
        await farm.clock.sleep(3600.0)

    told = bring_up(
        tmp_path,
        spec,
        # It is measured, found slow and parked while it runs; then its neighbour leaks.
        [f"slow-host@{parked}:ratio=0.3", f"leak@{leaks}:at=300"],
        meanwhile=all_rest,
        until=lambda farm: farm.loop.time() > 700 and is_parked(farm),
        inspect_every_s=60.0,
    )

    problem = told.hosts[parked].problem
    assert problem is not None
    assert problem.kind == "acceptance-failed"
    assert problem.parked
    assert acts(told, parked) == ["power.on", "os.shutdown", "power.off"]
    (leaked,) = [e.at for e in told.events if e.kind == "host.leak"]
    assert [e["at"] > leaked.timestamp() for e in told.of(parked, "os.shutdown")] == [True]
