"""A host that was woken for what its pod says now is not stepped on what the pod said before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.model import Host, Pod
from inventory.store.protocol import Change
from tests.make import NOW
from tests.unit.provisioning.one_host import Drawer, drawer


def _write(there: Drawer) -> None:
    pod = there.store.get(Pod, "lab")
    assert pod is not None
    there.store.apply(Change(replace=(pod,)), now=NOW)


async def test_a_pod_read_while_the_round_began_is_read_again_for_its_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with drawer(tmp_path) as there:
        controller, stepped = there.controller, []
        maps = controller.stepping._maps

        async def meanwhile() -> None:
            await maps.pod("lab")  # a step that is still under way
            _write(there)

        async def step(host: Host, _refusal: Any = None) -> None:
            stepped.append((await maps.pod(host.pod)).version)

        monkeypatch.setattr(controller, "_wake_waiting", meanwhile)
        monkeypatch.setattr(controller.stepping, "guarded", step)
        await controller._start_due()
        for task in list(controller._at_work.values()):
            await task
        assert stepped == [2]


async def test_a_reading_that_began_before_the_round_is_not_taken_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with drawer(tmp_path) as there:
        maps = there.controller.stepping._maps
        maps.look_anew()
        get = there.store.get

        def amid(kind: Any, key: str) -> Any:
            found = get(kind, key)
            monkeypatch.undo()
            _write(there)
            maps.look_anew()
            return found

        monkeypatch.setattr(there.store, "get", amid)
        assert (await maps.pod("lab")).version == 1
        assert (await maps.pod("lab")).version == 2
