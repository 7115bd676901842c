"""A pod's record is read once, however many of its hosts want it in the same moment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from inventory.model import Pod
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from provisioning.podmaps import PodMaps
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
