"""The whole service on PostgreSQL: it is killed in the middle of a bring-up, and nothing is lost.

The hall's own journal judges: each destructive act was done once, and the intent that it was done
for is in the database, whatever its server went through meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.model import Host, Intent
from inventory.store.sql import SqlStore
from provisioning.simulator.journal import destructive_acts, feed_peaks, repeated_acts
from tests.bed import bed
from tests.contract.store import postgres

pytestmark = [pytest.mark.integration, pytest.mark.postgres, pytest.mark.timeout(1200)]

AWAY_S = 3.0  # a restart of PostgreSQL takes 1 to 5 s; longer absences: crashes/test_away


@pytest.fixture
def sockets() -> Iterator[Path]:
    if reason := postgres.may_start():
        pytest.skip(reason)
    with postgres.server() as folder:
        postgres.create_database(folder, "podyard")
        yield folder


def test_a_database_killed_in_the_middle_of_a_bring_up_loses_nothing(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url_of(sockets, "podyard")
    monkeypatch.setenv("PODYARD_DATABASE", url)
    with bed("old-firmware@h2", speed=4.0) as one:
        one.start_hall()
        service = one.start_service()
        one.login()
        one.apply_pod()
        plan = one.plan()
        one.approve(plan["digest"])

        def seen(what: str) -> bool:
            return any(entry["what"] == what for entry in one.journal)

        for moment in ("power.on", "firmware.update.start"):
            one.wait(300, lambda wanted=moment: seen(wanted))
            postgres.stop(sockets)
            time.sleep(AWAY_S)
            assert one.call("GET", "/api/hosts").status_code == 503
            postgres.start(sockets)
        one.wait(600, one.settled)

        assert service.poll() is None, "the service lived through it"
        assert {h["state"] for h in one.hosts().values()} == {"ready"}
        done = [(a.host, a.component) for a in destructive_acts(one.journal)]
        assert done == [("r1-h2", "BIOS")]
        assert repeated_acts(one.journal) == []
        assert feed_peaks(one.journal)["a"] <= plan["budget_watts"]
        assert not (one.directory / "service" / "podyard.db").exists()

    store = SqlStore.open(url)
    try:
        names = {host.id: host.name for host in store.find(Host)}
        settled = [(names[i.host_id], i.state) for i in store.find(Intent)]
        assert settled == [("r1-h2", "done")]
        assert store.count(Host, state="ready") == 4
    finally:
        store.close()
