"""Several controllers on one PostgreSQL, killed, stopped and cut off; the hall's journal judges.

The doors are a service of their own here, so that who asks never dies; the controllers share its
keys, as those of one site do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.contract.store import postgres
from tests.integration.crashes.wire import Wire, wire
from tests.integration.crashes.yard import Yard, yard
from tests.seeds import seeds

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(900)]

HASTY = {
    "PODYARD_PROVISIONING_LEASE_S": "4",
    "PODYARD_PROVISIONING_BMC_DEADLINE_S": "3",
    "PODYARD_PROVISIONING_SETTLE_GRACE_S": "7",
}
"""A fifth of the usual, in the same proportions: over after 4 s of lease and 2 s of grace."""
TAKEOVER_S = 30.0
WIDE = [
    f"r{rack}-h{host}-{copy}" for copy in (1, 2, 3, 4) for rack in (1, 2) for host in range(1, 9)
]
"""The hosts of lab-16 four times over."""
OLD = ("r1-h2", "r1-h5", "r2-h2", "r2-h6")


class Database:
    """What the controllers wrote down of each other, and their wires to it."""

    def __init__(self, sockets: Path, wires: dict[str, Wire]) -> None:
        self.wires = wires
        self._engine = sa.create_engine(postgres.url_of(sockets, "podyard"))

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(sa.text(statement), values))

    def held_by(self, lease: str) -> int:
        return len(self.rows("SELECT 1 FROM holds WHERE worker = :lease", lease=lease))

    def leases(self) -> dict[int, str]:
        """Process id to the lease of the controller in it."""
        found = self.rows("SELECT name, owner FROM leases WHERE name LIKE 'provisioning/%'")
        return {int(row.owner.split("/")[1]): row.name for row in found}

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def controllers(sockets: Path, *names: str, **environment: str) -> Iterator[tuple[Yard, Database]]:
    """The doors, and controllers of these names behind a wire each."""
    with ExitStack() as stack:
        one = stack.enter_context(yard())
        one.environment |= environment
        wires = {name: stack.enter_context(wire(sockets)) for name in names}
        database = Database(sockets, wires)
        stack.callback(database.close)
        one.start("doors", role="inventory", database=postgres.url_of(sockets, "podyard"))
        one.login()
        first, *others = names
        one.share_keys("doors", first)
        one.start(first, role="provisioning", database=wires[first].url("podyard"))
        one.wait(90, lambda: len(database.leases()) == 1)  # its keys are whole by then
        one.share_keys(first, *others)
        for name in others:
            one.start(name, role="provisioning", database=wires[name].url("podyard"))
        one.wait(90, lambda: len(database.leases()) == len(names))
        yield one, database


def pid_of(one: Yard, name: str) -> int:
    """Of the life that this service leads now."""
    return int([line for line in one.services[name].lines if line["what"] == "born"][-1]["pid"])


def flashes(one: Yard) -> int:
    return sum(entry["what"] == "firmware.update.start" for entry in one.journal)


def test_one_killed_and_one_stopped_leave_every_host_to_the_other(sockets: Path) -> None:
    with controllers(sockets, "c1", "c2", **HASTY) as (one, database):
        one.start_hall("lab-16", *(f"old-firmware@{host}" for host in OLD))
        one.apply_pod("lab-16")
        plan = one.bring_up(within_s=120)
        one.wait(120, lambda: flashes(one) > 0)

        dead = database.leases()[pid_of(one, "c1")]
        one.services["c1"].tell("rest")
        one.wait(60, lambda: dead not in database.leases().values())
        assert database.held_by(dead) == 0
        one.services["c1"].tell("wake")
        one.wait(60, lambda: pid_of(one, "c1") in database.leases())

        zombie = pid_of(one, "c2")
        stale = database.leases()[zombie]
        one.services["c2"].tell("stop")
        one.wait(60, lambda: stale not in database.leases().values())
        one.services["c2"].tell("go")
        one.wait(60, lambda: zombie in database.leases())
        assert database.leases()[zombie] != stale, "it came back as another worker"

        one.wait(300, one.settled, every_s=0.5)
        one.judge(plan)
        assert one.services["c1"].deaths == [-9]
        assert one.services["c2"].deaths == [], "what was stopped went on by itself"


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", seeds(1, 2))
def test_three_killed_stopped_and_cut_off_at_random_do_as_one_would(
    sockets: Path, seed: int
) -> None:
    rng = random.Random(seed)
    with controllers(sockets, "c1", "c2", "c3") as (one, database):
        old = rng.sample(WIDE, 8)
        one.start_hall(
            "lab-16", *(f"old-firmware@{host}" for host in old), hosts=64, seed=seed, speed=2.0
        )
        one.apply_pod(one.spec_document())
        plan = one.bring_up(within_s=600)
        happened = []
        while not one.settled() or len(happened) < 6:
            name = rng.choice(sorted(database.wires))
            what = rng.choice(("kill", "stop", "cut"))
            happened.append(what)
            disturb(one, database, name, what, rng)
            time.sleep(rng.uniform(0.0, 5.0))
            assert len(happened) < 60, one.last_words()
        one.wait(600, one.settled, every_s=0.5)
        one.judge(plan)


def disturb(one: Yard, database: Database, name: str, what: str, rng: random.Random) -> None:
    """Kill one, stop one for half a minute, or cut one off from the database for as long."""
    if what == "kill":
        one.services[name].tell("kill")
        return
    if what == "stop":
        one.services[name].tell("stop")
        time.sleep(30.0)
        one.services[name].tell("go")
        return
    database.wires[name].cut()
    time.sleep(rng.uniform(20.0, 40.0))
    database.wires[name].mend()


@pytest.mark.long
def test_a_dead_controllers_hosts_are_in_other_hands_within_thirty_seconds(sockets: Path) -> None:
    """With the times that everybody has."""
    with controllers(sockets, "c1", "c2", PODYARD_PROVISIONING_BMC_DEADLINE_S="10") as (
        one,
        database,
    ):
        one.start_hall("lab-16", speed=0.5)
        one.apply_pod("lab-16")
        one.bring_up(within_s=120)
        dead = database.leases()[pid_of(one, "c1")]
        one.wait(120, lambda: database.held_by(dead) > 0)
        one.services["c1"].tell("rest")
        held = {
            row.host
            for row in database.rows("SELECT host FROM holds WHERE worker = :dead", dead=dead)
        }
        assert held
        other = database.leases()[pid_of(one, "c2")]

        def in_other_hands() -> bool:
            seen = database.rows("SELECT host FROM holds WHERE worker = :other", other=other)
            taken.update({row.host for row in seen} & held)
            return taken == held

        taken: set[str] = set()
        assert one.wait(120, in_other_hands, every_s=0.05) < TAKEOVER_S
