"""Drives between tenants: erased, proven by their log and by what is read of them, or named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from inventory.model import Host, Intent
from inventory.states import HostState
from inventory.store.reading import every
from pods.erasing import ErasePolicy
from pods.spec import PodSpec
from provisioning.simulator.journal import Entry, erases_of_the_erased
from tests.integration.faults.farm import Farm, Told, bring_up, lab, rests
from tests.integration.faults.rows import read_rows

pytestmark = pytest.mark.integration

POLICY = ErasePolicy(methods=("crypto", "block", "overwrite"))
DRIVES = 3
RETIRES = POLICY.model_copy(update={"unable": "retire-drive"})


@dataclass
class Returned:
    """A hall whose hosts were all ready, and were then all given back."""

    names: list[str]
    """In the order of the spec: four healthy ones first."""
    told: Told
    intents: list[Intent]

    def host(self, name: str) -> Host:
        """One record."""
        return self.told.hosts[name]

    def ends(self, name: str) -> str:
        """The kind of its problem, or its state."""
        problem = self.host(name).problem
        return problem.kind if problem is not None else self.host(name).state.value

    def erases(self, name: str, *whats: str) -> list[Entry]:
        """What was really done to its drives."""
        return self.told.of(name, *(f"drive.erase.{what}" for what in whats))

    def proven(self, name: str) -> list[Intent]:
        """Erases with the evidence."""
        own = self.host(name).id
        return [
            one
            for one in self.intents
            if one.host_id == own and one.state == "done" and one.arguments.get("read")
        ]


def given_back(
    folder: Path,
    spec: PodSpec,
    faults: list[str],
    *,
    until: Callable[[Host], bool] = lambda host: host.state is HostState.ENROLLED,
) -> Returned:
    """Brought up, wanted `enrolled`, and cleaned."""
    kept: list[Intent] = []

    async def give_back(farm: Farm) -> None:
        while not all(map(rests, farm.hosts().values())):
            await farm.clock.sleep(2.0)
        farm.want("enrolled")
        while True:
            await farm.clock.sleep(3600.0)

    def over(farm: Farm) -> bool:
        hosts = farm.hosts().values()
        if not all(host.target == "enrolled" and (_parked(host) or until(host)) for host in hosts):
            return False
        kept[:] = every(farm.store, Intent)
        return True

    told = bring_up(folder, spec, faults, meanwhile=give_back, until=over)
    return Returned([slot.slot for _, slot in spec.slots()], told, kept)


def with_drives(spec: PodSpec, policy: ErasePolicy) -> PodSpec:
    """The same design with several drives a host: one that cannot must not cost the others."""
    kinds = {
        name: kind.model_copy(update={"drives": kind.drives.model_copy(update={"count": DRIVES})})
        for name, kind in spec.host_types.items()
    }
    return spec.model_copy(update={"erase": policy, "host_types": kinds})


def _parked(host: Host) -> bool:
    return host.problem is not None and host.problem.parked


def shows() -> tuple[tuple[str, str, str], ...]:
    """The rows about drives: a fault, how its host ends, and what is said."""
    return tuple(
        (show.faults[0], show.ends, show.says) for row in read_rows() for show in row.returns
    )


SHOWS = shows()


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> Returned:
    """Four healthy hosts, and one for each fault."""
    spec = with_drives(lab(4 + len(SHOWS)), POLICY)
    names = [slot.slot for _, slot in spec.slots()]
    faults = [
        f"{kind}@{host}{colon}{parameters}"
        for (kind, colon, parameters), host in zip(
            (fault.partition(":") for fault, _, _ in SHOWS), names[4:], strict=True
        )
    ]
    return given_back(tmp_path_factory.mktemp("drives"), spec, faults)


@pytest.mark.parametrize("number", range(len(SHOWS)), ids=[fault for fault, _, _ in SHOWS])
def test_a_host_that_comes_back_ends_as_it_should(returned: Returned, number: int) -> None:
    name = returned.names[4 + number]
    _, ends, says = SHOWS[number]

    assert returned.ends(name) == ends, returned.host(name).problem
    problem = returned.host(name).problem
    assert says in (problem.message if problem else "")
    assert problem is None or problem.remedy


def test_every_drive_of_a_clean_host_is_proven(returned: Returned) -> None:
    """Clean means: asked, told, and read by a boot for nothing else."""
    for name in returned.told.hosts:
        if returned.ends(name) != "enrolled":
            continue
        erased = {one["serial"] for one in returned.erases(name, "done")}
        proven = {one.arguments["serial"] for one in returned.proven(name)}
        assert erased == proven
        assert len(proven) == DRIVES
        assert returned.host(name).boot is None
        lines = returned.told.of(name, "drive.erase.done", "boot", "power.off")
        assert [line["what"] for line in lines][-3:] == ["drive.erase.done", "boot", "power.off"]


def test_no_drive_was_erased_that_was_already_erased(returned: Returned) -> None:
    assert erases_of_the_erased(returned.told.journal) == []


def test_nothing_that_a_lying_drive_holds_is_called_clean(returned: Returned) -> None:
    liars = [n for n, host in returned.told.hosts.items() if "lying" in _fault_of(returned, n)]

    assert liars
    for name in liars:
        assert returned.ends(name) == "drive-not-erased"
        assert len(returned.erases(name, "start")) == DRIVES
        assert len(returned.proven(name)) == DRIVES - 1


def _fault_of(returned: Returned, name: str) -> str:
    number = returned.names.index(name) - 4
    return SHOWS[number][0] if number >= 0 else ""


def test_a_retired_drive_is_named_and_never_offered(tmp_path: Path) -> None:
    """The host goes on without waiting for a person, until it is wanted with the drive in it."""
    spec = with_drives(lab(4), RETIRES)
    name = [slot.slot for _, slot in spec.slots()][-1]

    async def there_and_back(farm: Farm) -> None:
        while not all(map(rests, farm.hosts().values())):
            await farm.clock.sleep(2.0)
        farm.want("enrolled")
        while not all(h.state is HostState.ENROLLED for h in farm.hosts().values()):
            await farm.clock.sleep(2.0)
        farm.want("ready")
        while True:
            await farm.clock.sleep(3600.0)

    def over(farm: Farm) -> bool:
        hosts = farm.hosts()
        again = [e for e in farm.journal() if e["what"] == "drive.erase.done"]
        back = hosts[name].problem is not None and hosts[name].problem.parked
        others = [host for host in hosts.values() if host.name != name]
        return len(again) == DRIVES * len(farm.hosts()) - 1 and back and all(map(rests, others))

    told = bring_up(
        tmp_path, spec, [f"lying-sanitize@{name}"], meanwhile=there_and_back, until=over
    )

    problem = told.hosts[name].problem
    assert problem is not None
    assert problem.kind == "drive-not-erased"
    assert told.hosts[name].state is HostState.MATCHING
    assert {h.state for h in told.hosts.values() if h.name != name} == {HostState.READY}
    (moved,) = [
        e
        for e in told.events
        if e.subject == f"host:{name}" and e.new == "enrolled" and e.kind == "host.state"
    ]
    assert "clean but for" in moved.why
