"""What a service begins with: a clock that does not go back behind what is on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from runtime.address import Address
from runtime.app.parts import ServeOptions, open_parts
from tests.make import make_host
from tests.migrated import DATABASE, fresh_store


def test_a_machine_that_was_set_back_while_the_service_was_down_makes_no_host_wait_for_it(
    tmp_path: Path,
) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    before = fresh_store(tmp_path)
    before.apply(Change(insert=(make_host(),)), now=ahead)
    before.close()
    doors = {n: Address("127.0.0.1", 1, f"--{n}") for n in ("api", "agents", "gateway")}
    state = StateDirectory(tmp_path / "state")
    parts = open_parts(
        ServeOptions(state=state, role="all", database=f"sqlite:///{tmp_path / DATABASE}", **doors)
    )
    try:
        assert parts.clock.now() >= ahead
    finally:
        parts.store.close()
