"""A gateway by itself: what is decided about keys does not wait for usage that is written down."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import runtime.app.tenants
from inventory.errors import StoreUnavailable
from inventory.keys import mint
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from runtime.app.tenants import Published, follow_records
from runtime.metering import Metering
from runtime.routes import GatewayState
from tests.unit.runtime_control.builders import START, Site


class Told(Published):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[GatewayState] = []
        self.news = asyncio.Event()

    def publish(self, state: GatewayState) -> None:
        self.states.append(state)
        self.news.set()


class Turning:
    """No waiting, but everybody else has a turn."""

    def now(self) -> Any:
        return START

    async def sleep(self, _delay_s: float) -> None:
        await asyncio.sleep(0.001)


def parts_of(site: Site, tmp_path: Path) -> Any:
    options = SimpleNamespace(state=StateDirectory(tmp_path))
    return SimpleNamespace(store=site.store, box=site.secrets, clock=Turning(), options=options)


async def until_known(told: Told, key_id: str) -> None:
    async with asyncio.timeout(20):
        while not told.states or key_id not in told.states[-1].keys:
            told.news.clear()
            await told.news.wait()


async def test_a_key_reaches_the_gateway_while_usage_is_being_written(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, writing = threading.Event(), threading.Event()

    def long(_own: Metering) -> int:
        writing.set()
        over.wait(30)
        return 0

    monkeypatch.setattr(Metering, "ingest", long)
    told = Told()
    following = asyncio.ensure_future(follow_records(parts_of(site, tmp_path), told))
    try:
        await asyncio.to_thread(writing.wait, 20)
        key, _ = mint("tenant", now=START, tenant="acme")
        site.write(Change(insert=(key,)))
        await until_known(told, key.id)
    finally:
        over.set()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_database_that_is_gone_for_a_while_is_followed_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, failures = runtime.app.tenants.load_snapshot, iter(range(3))

    def gone(*arguments: Any, **named: Any) -> GatewayState:
        if next(failures, None) is not None:
            raise StoreUnavailable("no database")
        return load(*arguments, **named)

    monkeypatch.setattr(runtime.app.tenants, "load_snapshot", gone)
    key, _ = mint("tenant", now=START, tenant="acme")
    site.write(Change(insert=(key,)))
    told = Told()
    following = asyncio.ensure_future(follow_records(parts_of(site, tmp_path), told))
    try:
        await until_known(told, key.id)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_what_is_no_outage_ends_it(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_own: Metering) -> int:
        raise ValueError("a defect")

    monkeypatch.setattr(Metering, "ingest", broken)
    with pytest.raises(ValueError, match="a defect"):
        await follow_records(parts_of(site, tmp_path), cast("Published", Told()))
