"""A pod's record is read once, however many of its hosts want it in the same moment."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from inventory.model import Host, Pod
from inventory.states import HostState
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from provisioning.livepod import LivePod
from provisioning.podmaps import ALONE_READ_EVERY_S, PodMaps
from provisioning.settings import ProvisioningSettings
from provisioning.world import World
from tests.make import make_host, make_pod
from tests.migrated import fresh_store
from tests.unit.inventory.records import NOW


async def test_a_thousand_steps_that_want_a_changed_pod_share_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fresh_store(tmp_path)
    store.apply(Change(insert=(make_pod(),)), now=NOW)
    read: list[str] = []
    get = SqlStore.get

    def counted(own: SqlStore, kind: Any, key: str) -> Any:
        read.append(key)
        return get(own, kind, key)

    monkeypatch.setattr(SqlStore, "get", counted)
    maps = PodMaps(cast("World", SimpleNamespace(store=store, in_thread=asyncio.to_thread)))
    for version in (1, 2):
        maps.look_anew()
        found = await asyncio.gather(*(maps.pod("lab") for _ in range(1000)))
        assert {pod.version for pod in found} == {version}
        assert read == ["lab"] * version
        store.apply(Change(replace=(cast("Pod", get(store, Pod, "lab")),)), now=NOW)


async def test_a_site_is_as_large_as_the_pods_of_it_that_were_read(tmp_path: Path) -> None:
    store = fresh_store(tmp_path)
    hosts = [make_host(id=f"h{n}", name=f"r1-h{n}", serial=f"s{n}") for n in (1, 2, 3)]
    store.apply(Change(insert=(make_pod(), *hosts)), now=NOW)
    settings = ProvisioningSettings.model_construct(
        destructive_per_site=1, destructive_share_of_site=1.0
    )
    world = SimpleNamespace(
        store=store,
        in_thread=asyncio.to_thread,
        settings=settings,
        clock=SimpleNamespace(now=lambda: NOW),
        loop_news={},
    )
    maps = PodMaps(cast("World", world))
    site = f"site {hosts[0].site}"
    assert maps.limits().of(site) == 1
    await maps.of(hosts[0])
    assert maps.limits().of(site) == 3


async def test_a_pod_that_is_read_again_costs_what_was_written_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own writes are known to a controller: what people and others wrote is read, no more."""
    store = fresh_store(tmp_path)
    hosts = [make_host(id=f"h{n}", name=f"r1-h{n}", serial=f"s{n}") for n in range(6)]
    store.apply(Change(insert=(make_pod(), *hosts)), now=NOW)
    read: list[list[str]] = []
    get_many = SqlStore.get_many

    def counted(own: SqlStore, kind: Any, keys: Any) -> Any:
        read.append(sorted(keys))
        return get_many(own, kind, keys)

    monkeypatch.setattr(SqlStore, "get_many", counted)
    moments = [NOW]
    world = SimpleNamespace(
        store=store,
        in_thread=asyncio.to_thread,
        settings=ProvisioningSettings.model_construct(),
        clock=SimpleNamespace(now=lambda: moments[-1]),
        loop_news={},
    )
    maps = PodMaps(cast("World", world))

    async def again() -> LivePod:
        moments.append(moments[-1] + timedelta(seconds=ALONE_READ_EVERY_S))
        maps.look_anew()
        return await maps.of(cast("Host", store.get(Host, "h0")))

    live = await again()
    assert (live.size, read.pop()) == (6, [f"h{n}" for n in range(6)])
    by_itself = cast("Host", store.get(Host, "h1"))
    store.apply(Change(replace=(by_itself,)), now=NOW)
    maps.written(Change(replace=(by_itself,)))
    by_others = cast("Host", store.get(Host, "h2"))
    gone = cast("Host", store.get(Host, "h3"))
    moved = cast("Host", store.get(Host, "h4"))
    to_ready = by_others.model_copy(update={"state": HostState.READY})
    elsewhere = moved.model_copy(update={"pod": "another"})
    store.apply(Change(replace=(to_ready, elsewhere), remove=(gone,)), now=NOW)
    live = await again()
    assert read.pop() == ["h2"]
    assert live.ready == {"r1-h2"}
    assert sorted(live.ids) == ["h0", "h1", "h2", "h5"]
    await again()
    assert read.pop() == []


async def test_a_host_that_moves_while_its_pod_is_read_is_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fresh_store(tmp_path)
    hosts = [make_host(id=f"h{n}", name=f"r1-h{n}", serial=f"s{n}") for n in range(3)]
    store.apply(Change(insert=(make_pod(), *hosts)), now=NOW)
    get_many = SqlStore.get_many

    def late(own: SqlStore, kind: Any, keys: Any) -> Any:
        moved = cast("Host", own.get(Host, "h1")).model_copy(update={"pod": "another"})
        own.apply(Change(replace=(moved,), remove=(cast("Host", own.get(Host, "h2")),)), now=NOW)
        return get_many(own, kind, keys)

    monkeypatch.setattr(SqlStore, "get_many", late)
    world = SimpleNamespace(
        store=store,
        in_thread=asyncio.to_thread,
        settings=ProvisioningSettings.model_construct(),
        clock=SimpleNamespace(now=lambda: NOW),
        loop_news={},
    )
    live = await PodMaps(cast("World", world)).of(hosts[0])
    assert list(live.ids) == ["h0"]
