"""Agents that wait for news: one reader for all of them, and nobody misses anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.agent_news import ROUNDS, News
from inventory.agents import DesiredState
from inventory.clock import SystemClock
from inventory.deps import ApiDeps
from inventory.model import Host, Record
from inventory.refusals import Refused
from inventory.secrets import SecretBox
from inventory.states import HostState
from inventory.store.memory import MemoryStore
from inventory.store.outline import Document, Row
from inventory.store.protocol import Change
from tests.unit.inventory.records import NOW, make_host, make_pod

MANY = 40


class Counted(MemoryStore):
    """Counts the looks that it is asked for, and the records that are read whole."""

    looks = 0
    read = 0

    def states(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Row]:
        self.looks += 1
        return super().states(kind, keys)

    def documents(self, kind: type[Record], keys: Iterable[str]) -> dict[str, Document]:
        found = super().documents(kind, keys)
        self.read += len(found)
        return found


@pytest.fixture
def store() -> Counted:
    made = Counted()
    made.apply(Change(insert=(make_pod(), *(make_host(n) for n in range(MANY)))), now=NOW)
    return made


@pytest.fixture
def news(store: Counted, tmp_path: Path) -> News:
    deps = ApiDeps(
        store=store,
        clock=SystemClock(),
        secrets=SecretBox.open(tmp_path / "key"),
        in_thread=asyncio.to_thread,
        wake=lambda: None,
    )
    return News(deps)


def waiting(
    news: News, number: int, *, for_s: float = 5.0, closing: Callable[[], bool] = lambda: False
) -> asyncio.Task[DesiredState]:
    until = datetime.now(UTC) + timedelta(seconds=for_s)
    return asyncio.create_task(
        news.wait(make_host(number).id, 0, until=until, closing=closing), name=str(number)
    )


def order(store: MemoryStore, number: int, **fields: Any) -> None:
    host = store.get(Host, make_host(number).id)
    assert host is not None
    fields = {"state": HostState.ACCEPTING, "acceptance_round": 1, **fields}
    store.apply(Change(replace=(host.model_copy(update=fields),)), now=NOW)


async def test_an_order_reaches_the_one_agent_that_it_is_for(store: Counted, news: News) -> None:
    first, second = waiting(news, 1), waiting(news, 2, for_s=1.5)
    await asyncio.sleep(0.1)
    order(store, 1, acceptance_order="o-1")
    desired = await first
    assert desired.generation == ROUNDS
    assert desired.acceptance is not None
    assert desired.acceptance.order_id == "o-1"
    assert desired.acceptance.tests
    assert (await second).generation == 0


async def test_many_that_wait_cost_one_look_at_a_time(store: Counted, news: News) -> None:
    tasks = [waiting(news, number, for_s=3.0) for number in range(MANY)]
    await asyncio.gather(*tasks)
    by_themselves = 2 * MANY * 12  # two kinds, four times a second
    assert store.looks < by_themselves / 4
    assert store.read == MANY  # what nobody wrote is not read again


async def test_a_host_that_is_forgotten_ends_its_agents_wait(store: Counted, news: News) -> None:
    task, other = waiting(news, 3), waiting(news, 4, for_s=1.0)
    await asyncio.sleep(0.1)
    store.apply(Change(remove=(make_host(3),)), now=NOW)
    with pytest.raises(Refused):
        await task
    assert (await other).generation == 0


async def test_a_door_that_closes_answers_at_once(news: News) -> None:
    closed = False
    task = waiting(news, 5, for_s=60.0, closing=lambda: closed)
    await asyncio.sleep(0.1)
    closed = True
    assert (await asyncio.wait_for(task, 5.0)).generation == 0


async def test_a_database_that_is_away_is_told_to_all_and_found_again(
    store: Counted, news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [waiting(news, number, for_s=60.0) for number in (6, 7)]
    await asyncio.sleep(0.1)

    def away(*_: object) -> dict[str, Row]:
        raise RuntimeError("away")

    monkeypatch.setattr(store, "states", away)
    for task in tasks:
        with pytest.raises(RuntimeError, match="away"):
            await task
    monkeypatch.undo()
    assert (await waiting(news, 6, for_s=0.5)).generation == 0
