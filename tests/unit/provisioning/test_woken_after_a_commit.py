"""Whoever wakes hosts for what was written says when that was done, not when it began.

A look that began in between saw nothing of it, and a wake that is older than that look is lost on
it: the host would sleep until its next look with what it should have heard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from inventory import holding
from inventory.restored import NOTE, confirm
from inventory.states import HostState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change
from provisioning.acts.leak import Leaks
from provisioning.acts.recorder import Outcome
from provisioning.bench.virtual_time import inline
from provisioning.boot import routes
from provisioning.cooling.watching import CoolingWatch
from provisioning.telemetry.alarms import Alarm
from provisioning.telemetry.raising import raise_alarm
from provisioning.telemetry.roster import Polled
from tests.make import NOW, make_host, make_pod, make_seen
from tests.unit.provisioning.hands import Hands
from tests.unit.provisioning.power.test_cooling_units import UNIT, Says, record

LONG = timedelta(seconds=3)


class Slow(MemoryStore):
    """A store whose every commit takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Hands()
        self.woken: list[datetime] = []
        self.apply(Change(insert=(make_pod(), make_host(state=HostState.READY), record())), now=NOW)
        self.clock.at = NOW

    def apply(self, change: Change, **given: Any) -> None:
        super().apply(change, **given)
        self.clock.at += LONG

    def wake_hosts(self, *, now: datetime, pod: str = "", host_id: str = "") -> None:
        self.woken.append(now)
        super().wake_hosts(now=now, pod=pod, host_id=host_id)


async def _let_go(store: Slow) -> None:
    store.write_note(holding.NOTE, "{}")
    holding.release(store, None, by="ann", clock=store.clock)


async def _confirm(store: Slow) -> None:
    store.write_note(NOTE, "2026-01-01")
    confirm(store, clock=store.clock, actor="ann")


async def _close_a_loop(store: Slow) -> None:
    world = SimpleNamespace(
        store=store, clock=store.clock, in_thread=inline, fence=None, changed={}
    )
    await CoolingWatch(cast("Any", world)).look(UNIT, Says("Critical", "Critical"))


async def _alarm(store: Slow) -> None:
    world = SimpleNamespace(store=store, clock=store.clock, in_thread=inline, fence=None)
    who = Polled("host-1", "r1-h1", is_ready=True)
    await raise_alarm(cast("Any", world), who, (Alarm("hot", "it is hot"),))


async def _note_a_leak(store: Slow) -> None:
    async def recorded(host: Any, _fields: Any, **_also: Any) -> Outcome:
        store.apply(Change(), now=store.clock.now())
        return Outcome(host)

    recorder = SimpleNamespace(event=lambda *_: None, record=recorded)
    world = SimpleNamespace(store=store, clock=store.clock, in_thread=inline)
    context = SimpleNamespace(
        loop=lambda _host: "", certificate=None, wanted=SimpleNamespace(certified=None)
    )
    leaks = Leaks(cast("Any", world), cast("Any", recorder))
    await leaks.note(make_host(), "it drips", make_seen(), cast("Any", context))


async def _enrol(store: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = SimpleNamespace(public_bytes=lambda _how: b"", not_valid_after_utc=NOW)
    authority = SimpleNamespace(issue_client=lambda *_, **__: certificate, pem="")
    deps = SimpleNamespace(api=store_of(store), authority=authority)
    monkeypatch.setattr(routes, "_host_with_token", lambda *_: make_host())
    monkeypatch.setattr(routes, "_record", lambda *_: store.apply(Change(), now=NOW))
    routes._enrol(cast("Any", deps), cast("Any", SimpleNamespace(csr_pem="")))


def store_of(store: Slow) -> SimpleNamespace:
    return SimpleNamespace(store=store, clock=store.clock)


@pytest.mark.parametrize("write", [_let_go, _confirm, _close_a_loop, _alarm, _note_a_leak])
async def test_hosts_are_woken_as_of_when_the_write_was_done(
    write: Callable[[Slow], Awaitable[None]],
) -> None:
    store = Slow()
    await write(store)
    assert store.clock.at >= NOW + LONG
    assert store.woken == [store.clock.at]


async def test_a_pod_that_was_read_amid_the_closing_of_a_loop_is_read_again() -> None:
    store, changed = Slow(), dict[str, datetime]()
    world = SimpleNamespace(
        store=store, clock=store.clock, in_thread=inline, fence=None, changed=changed
    )
    await CoolingWatch(cast("Any", world)).look(UNIT, Says("Critical", "Critical"))
    assert changed == {"lab": store.clock.at}


async def test_an_enrolled_host_is_woken_as_of_when_that_was_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Slow()
    await _enrol(store, monkeypatch)
    assert store.woken == [NOW + LONG]
