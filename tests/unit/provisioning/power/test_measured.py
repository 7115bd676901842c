"""Meters take room away at once; they make room only where policy, time and freshness allow it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.model import Host
from inventory.readings.keeping import Batch, Newest
from inventory.readings.packing import WINDOW_S, Window
from inventory.states import HostState, PowerState
from inventory.store.sql import SqlStore
from pods.spec import PodSpec
from provisioning.admission import Admitted, Ledger, Waits, admit, draw_ledger, wiring_of
from provisioning.power.metering import Metered, metered
from tests.make import NOW, lab, make_host
from tests.migrated import fresh_store

SPEC = lab()
POWER = SPEC.host_types["lab-cpu"].power
STARTING = int(max(POWER.inrush_watts, POWER.nameplate_watts))


def budget(watts: float, **feeds: Any) -> PodSpec:
    """The lab on one feed of so many watts."""
    feed = SPEC.feeds["a"].model_copy(
        update={"rated_amps": watts / 100, "volts": 100.0, "continuous_limit": 1.0}
    )
    return SPEC.model_copy(update={"feeds": {"a": feed, **feeds}})


def ready(number: int, **changes: Any) -> Host:
    """A host that runs, and holds its nameplate."""
    name = f"r1-h{number}"
    whole: dict[str, Any] = {
        "id": name,
        "name": name,
        "slot": name,
        "state": HostState.READY,
        "state_since": NOW - timedelta(hours=2),
        "power": PowerState.ON,
        "reserved_watts": int(POWER.nameplate_watts),
    }
    return make_host(**{**whole, **changes})


def asking(number: int = 4) -> Host:
    name = f"r1-h{number}"
    return make_host(
        id=name,
        name=name,
        slot=name,
        state=HostState.BOOTING,
        power=PowerState.OFF,
        reserved_watts=int(POWER.standby_watts),
    )


def ledger_of(watts: float, *hosts: Host) -> Ledger:
    return draw_ledger(hosts, wiring_of(budget(watts)), None)


def whole_watts(*hosts: Host) -> float:
    """What the hosts hold, and the one that asks wants."""
    return sum(host.reserved_watts for host in hosts) + STARTING


def test_a_feed_that_carries_more_than_was_promised_admits_nobody() -> None:
    running = [ready(1), ready(2)]
    ledger = ledger_of(whole_watts(*running), *running, asking())
    assert admit(ledger, asking(), STARTING) == Admitted()
    nameplate = float(POWER.nameplate_watts)
    ledger.weigh({"r1-h1": Metered(nameplate + 50), "r1-h2": Metered(nameplate)}, may_loosen=False)
    answer = admit(ledger, asking(), STARTING)
    assert isinstance(answer, Waits)
    assert "feed a carries by its meters" in answer.reason
    assert "50 W more than is left" in answer.reason


def test_one_host_over_its_nameplate_does_not_count_where_others_rest() -> None:
    running = [ready(1), ready(2)]
    ledger = ledger_of(whole_watts(*running), *running, asking())
    nameplate = float(POWER.nameplate_watts)
    ledger.weigh(
        {"r1-h1": Metered(nameplate + 50), "r1-h2": Metered(nameplate - 60)}, may_loosen=False
    )
    assert admit(ledger, asking(), STARTING) == Admitted()


@pytest.mark.parametrize("may_loosen", [False, True])
def test_rest_makes_room_only_where_the_policy_says_so(*, may_loosen: bool) -> None:
    running = [ready(1), ready(2)]
    ledger = ledger_of(whole_watts(*running) - 20, *running, asking())
    rests = Metered(100.0, steady_watts=float(POWER.nameplate_watts) - 15)
    ledger.weigh({"r1-h1": rests, "r1-h2": rests}, may_loosen=may_loosen)
    assert isinstance(admit(ledger, asking(), STARTING), Admitted) is may_loosen


def test_a_host_that_is_not_known_to_be_steady_counts_with_its_promise() -> None:
    running = [ready(1), ready(2)]
    ledger = ledger_of(whole_watts(*running) - 20, *running, asking())
    ledger.weigh({"r1-h1": Metered(10.0), "r1-h2": Metered(10.0)}, may_loosen=True)
    assert isinstance(admit(ledger, asking(), STARTING), Waits)


def test_strangers_count_with_their_meters_too() -> None:
    ledger = ledger_of(STARTING + 300, asking())
    ledger.note_stranger(("a",), 200.0, Metered(350.0))
    assert admit(ledger, asking(), STARTING) == Admitted()
    ledger.weigh({}, may_loosen=False)
    assert isinstance(admit(ledger, asking(), STARTING), Waits)


# What the kept readings say.


def read(
    store: SqlStore, host: str, *, every_s: int = 60, for_s: int = 3600, watts: int = 500
) -> None:
    """So many watts, read so often, until just now."""
    now = int(NOW.timestamp())
    windows: dict[int, Window] = {}
    for at in range(now - for_s, now, every_s):
        start = at // WINDOW_S * WINDOW_S
        windows.setdefault(start, Window(start=start)).add(at - start, {"power": watts * 10})
        last = at
    newest = Newest(float(last), float(watts))
    store.readings.write(Batch(windows=[(host, one, newest) for one in windows.values()]))


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = fresh_store(tmp_path)
    yield found
    found.close()


def test_an_hour_of_readings_is_steady(store: SqlStore) -> None:
    read(store, "r1-h1")
    (found,) = metered(store.readings, [ready(1)], now=NOW, may_loosen=True).values()
    assert found.watts == 500.0
    assert found.steady_watts == pytest.approx(550.0)
    (kept,) = metered(store.readings, [ready(1)], now=NOW, may_loosen=False).values()
    assert kept.steady_watts is None


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (ready(1, state_since=NOW - timedelta(minutes=59)), {}),
        (ready(1, state=HostState.ACCEPTING), {}),
        (ready(1), {"for_s": 1800}),
        (ready(1), {"every_s": 120}),
    ],
)
def test_anything_less_is_not(store: SqlStore, host: Host, told: dict[str, int]) -> None:
    read(store, "r1-h1", **told)
    (found,) = metered(store.readings, [host], now=NOW, may_loosen=True).values()
    assert found.steady_watts is None


def test_an_old_reading_says_nothing(store: SqlStore) -> None:
    read(store, "r1-h1")
    later = NOW + timedelta(minutes=5)
    assert metered(store.readings, [ready(1)], now=later, may_loosen=True) == {}
    before = NOW - timedelta(minutes=5)  # a clock that was set back
    assert metered(store.readings, [ready(1)], now=before, may_loosen=True) == {}
