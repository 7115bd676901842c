"""R7: a whole rack is dark for ten minutes, and then all of its BMCs are back in one moment.

Real HTTPS BMCs behind a simulated PDU, on a clock that skips what nobody waits for. The judges are
the hall's journal, which knows every watt and every act, and the store's events.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.model import Event
from inventory.states import HostState
from pods import catalogue
from pods.spec import FeedSpec, PodSpec
from provisioning.bench.virtual_time import BEGINNING, run_on
from provisioning.settings import ProvisioningSettings
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.journal import Entry, feed_loads, feed_peaks, trips
from provisioning.simulator.widening import widened
from tests.integration.faults.farm import Farm, Told, rests, roomy
from tests.integration.faults.skipping import SkippingLoop

pytestmark = pytest.mark.integration

DARK_S = 600.0
STANDBY_WATTS = 20
STEPS = ("power.on", "boot", "boot.override", "media.insert", "bios.applied")
ACTS = {
    "host.power.on",
    "host.power.off",
    "host.bios.staged",
    "host.configured",
    "host.certified",
    "host.bmc.restart",
    "acceptance.ordered",
    "intent.open",
}
"""What the controller does to a host, as its events call it."""


def rack(hosts: int) -> PodSpec:
    """One rack on one breaker that carries all its hosts, and cannot start a third of them at once.

    An inrush of 2 kW for 3 s: a host under memory training with its fans at full speed.
    """
    spec = widened(catalogue.load("lab-4"), hosts=hosts)
    power = spec.host_types["lab-cpu"].power.model_copy(
        update={"inrush_watts": 2000, "inrush_s": 3.0}
    )
    kind = spec.host_types["lab-cpu"].model_copy(update={"power": power})
    slots = [slot for one in spec.racks for slot in one.slots]
    one = spec.racks[0].model_copy(
        update={
            "name": "r1",
            "slots": tuple(
                slot.model_copy(update={"slot": f"h{n}", "unit": n, "feed": "a"})
                for n, slot in enumerate(slots, start=1)
            ),
        }
    )
    # Every nameplate, and one inrush above it.
    amps = (hosts * 700 + 1300) / 230 / 0.8 + 1
    brave = spec.bring_up.model_copy(update={"stop_share": 1.0, "power_drift": "restore"})
    return spec.model_copy(
        update={
            "host_types": {"lab-cpu": kind},
            "racks": (one,),
            "feeds": {"a": FeedSpec(rated_amps=amps, volts=230)},
            "bring_up": brave,
        }
    )


def ready(farm: Farm) -> bool:
    """Whether every host that is not parked is ready and certified."""
    hosts = farm.hosts().values()
    return all(rests(host) and (host.problem or host.certificate_id) for host in hosts)


def switched(farm: Farm, what: str) -> bool:
    """Whether the PDU was."""
    return any(entry["what"] == what for entry in farm.journal())


async def pull_the_plug(farm: Farm) -> None:
    """A person at the rack: off once everything is ready, and on again after ten minutes."""
    while not ready(farm):
        await farm.clock.sleep(5.0)
    await farm.clock.sleep(120.0)
    mains, hosts = farm.hall.mains, [host.name for host in farm.plan.hosts]
    await mains.switch("r1-pdu-a", hosts, on=False)
    await farm.clock.sleep(DARK_S)
    await mains.switch("r1-pdu-a", hosts, on=True)
    while True:
        await farm.clock.sleep(3600.0)


def run(
    directory: Path,
    spec: PodSpec,
    *faults: str,
    believed: PodSpec | None = None,
    until: Callable[[Farm], bool],
) -> Told:
    """A hall of this spec under a controller that believes in it, or in another one."""
    plan = HallPlan.from_spec(spec, seed=7, faults=faults)

    async def main(loop: SkippingLoop) -> Told:
        settings = ProvisioningSettings(update_allowed_s=300.0)
        return await Farm(
            directory, believed or spec, plan, settings, loop, pull_the_plug, until
        ).run()

    return run_on(SkippingLoop(), main)


def seconds(event: Event) -> float:
    """When it was, on the hall's clock."""
    return (event.at - BEGINNING).total_seconds() + BEGINNING.timestamp()


def moment(entries: list[Entry], what: str) -> float:
    """When the one line of this kind was written."""
    (found,) = [entry for entry in entries if entry["what"] == what]
    return float(found["at"])


def judge(told: Told, spec: PodSpec, *, strangers: set[str]) -> None:
    """What must be true of every run."""
    journal = told.journal
    off, on = moment(journal, "outlet.off"), moment(journal, "outlet.on")
    assert on - off == pytest.approx(DARK_S)
    names = set(told.hosts)

    # Nothing was done to a host that nobody saw.
    dark = [entry for entry in journal if off < entry["at"] < on and entry["host"] in names]
    assert {entry["what"] for entry in dark} <= {"power.lost", "draw"}
    acts = [event for event in told.events if event.kind in ACTS and off < seconds(event) < on]
    assert not acts, acts

    # Who is somebody else now is left alone; the others were started, each in its turn.
    started = [entry for entry in journal if entry["what"] in STEPS and entry["at"] >= on]
    assert {entry["host"] for entry in started} == names - strangers
    for name in strangers:
        problem = told.hosts[name].problem
        assert problem is not None
        assert problem.kind == "wrong-host"

    # The watts of every instant, and no breaker that opened.
    assert not trips(journal)
    loads = [load for load in feed_loads(journal) if load.at >= on]
    assert max(load.watts for load in loads) <= spec.feeds["a"].budget_watts
    starts = sorted(entry["at"] for entry in started if entry["what"] == "power.on")
    assert starts[-1] - starts[0] > spec.host_types["lab-cpu"].power.inrush_s

    # Ready by what was seen since, never from memory; and nobody is lost.
    for name in names - strangers:
        host = told.hosts[name]
        assert host.state is HostState.READY
        assert host.problem is None
        since = [event for event in told.events if event.subject == f"host:{name}"]
        since = [event for event in since if seconds(event) >= on]
        became = [n for n, event in enumerate(since) if event.new == "ready"]
        certified = [n for n, event in enumerate(since) if event.kind == "host.certified"]
        assert became
        assert certified
        assert certified[0] < became[0]


def back_and_ready(farm: Farm) -> bool:
    """Everybody rests again, after the return."""
    on = [entry["at"] for entry in farm.journal() if entry["what"] == "outlet.on"]
    return bool(on) and farm.clock.now().timestamp() > on[0] + 60 and ready(farm)


def strangers(*names: str) -> list[str]:
    """While it was dark, somebody put other boards there."""
    return [f"identity-changes@{name}:after=power.lost" for name in names]


def test_a_rack_of_eight_comes_back_seen_verified_and_one_after_the_other(tmp_path: Path) -> None:
    spec = rack(8)
    told = run(tmp_path, spec, *strangers("h3"), until=back_and_ready)
    judge(told, spec, strangers={"h3"})


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_rack_of_thirty_two_comes_back_seen_verified_and_one_after_the_other(
    tmp_path: Path,
) -> None:
    spec = rack(32)
    told = run(tmp_path, spec, *strangers("h5", "h20"), until=back_and_ready)
    judge(told, spec, strangers={"h5", "h20"})


def test_without_admission_the_same_rack_opens_its_breaker(tmp_path: Path) -> None:
    spec = rack(8)
    # As if nobody counted watts: every host may start at once on a hundred times the amperes.
    at_once = spec.bring_up.model_copy(update={"canary": len(spec.racks[0].slots)})
    unbounded = roomy(spec.model_copy(update={"bring_up": at_once}))

    told = run(tmp_path, spec, believed=unbounded, until=lambda farm: bool(trips(farm.journal())))

    assert trips(told.journal)
    assert feed_peaks(told.journal)["a"] > spec.feeds["a"].budget_watts
