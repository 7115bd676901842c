"""One host in a drawer: its hardware, its agent, its records, and controllers that die over it.

Everything is in this process and no time passes by itself, so a whole bring-up takes a second and
the same choices give the same story. The hardware (`iron`) outlives every controller.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from inventory.agents import ObservedState
from inventory.errors import FenceLost
from inventory.model import AgentSeen, Host, Intent
from inventory.secrets import SecretBox
from inventory.states import HostState, PowerState
from inventory.store.memory import MemoryStore
from inventory.store.protocol import Change
from pods.keys import SigningKey
from pods.plan import PlannedHost, plan_bring_up
from provisioning.bmcs import BmcPool
from provisioning.boot.media import BootDoor
from provisioning.controller import Controller
from provisioning.faultpoints import FaultPoints
from provisioning.settings import ProvisioningSettings
from provisioning.world import PlayResult, World
from tests.make import NOW, lab, make_facts, make_host, make_pod, make_report
from tests.unit.provisioning.hands import Hands
from tests.unit.provisioning.iron import Iron, IronBmc

BOOT_S = 3.0
LEASE = timedelta(days=30)


class Crash(BaseException):
    """The controller dies here: no handler of the product may catch it."""


class Points(FaultPoints):
    """Fault points that raise instead of killing this process."""

    def __init__(self, die_at: int = 0) -> None:
        super().__init__()
        self.visited = 0
        self.die_at = die_at
        self.names: list[str] = []

    def reach(self, point: str, detail: str = "") -> None:
        """One more point; the chosen one is the last."""
        del detail
        self.visited += 1
        self.names.append(point)
        if self.visited == self.die_at:
            raise Crash(point)


@dataclass
class Player:
    """A playbook that always works."""

    runs: int = 0

    async def configure(self, _host: Host, _variables: dict[str, str]) -> PlayResult:
        """Run it."""
        self.runs += 1
        return PlayResult(ok=True, changed=0)


@dataclass
class Drawer:
    """The whole: iron, records, and the controller of the moment."""

    clock: Hands
    iron: Iron
    store: MemoryStore
    keys: SigningKey
    box: SecretBox
    player: Player = field(default_factory=Player)
    points: Points = field(default_factory=Points)
    crashes: int = 0
    hold_file: Path | None = None
    mute: bool = False
    """Its agent says nothing more."""
    open_bmc: Callable[[Any], Any] = IronBmc
    lives: int = 0
    controller: Controller = field(init=False)

    def __post_init__(self) -> None:
        """The first controller."""
        self.start()

    def start(self, die_at: int = 0) -> None:
        """A controller with a lease of its own; whoever was there before has lost his."""
        self.lives += 1
        self.points = Points(die_at)
        later = self.clock.at + self.lives * LEASE
        fence = self.store.take_lease(
            "provisioning", f"life {self.lives}", now=self.clock.at, until=later, alone=True
        )
        assert fence is not None
        self.controller = self._controller(fence)

    def _controller(self, fence: Any) -> Controller:
        return Controller(self.world(), fence)

    def world(self) -> World:
        """What a controller is given to work with."""

        async def opened(_host: Host, _password: SecretStr) -> Any:
            return self.open_bmc(self.iron)

        async def password(_host: Host) -> SecretStr:
            return SecretStr("x")

        async def here(call: Any, /, *args: Any, **kwargs: Any) -> Any:
            return call(*args, **kwargs)

        return World(
            store=self.store,
            secrets=self.box,
            clock=self.clock,
            bmcs=BmcPool(opened, password),
            door=BootDoor("https://127.0.0.1:1", "127.0.0.1:1", ""),
            player=self.player,
            signing_key=self.keys,
            simulated_key=self.keys,
            settings=ProvisioningSettings(),
            faults=self.points,
            in_thread=cast("Any", here),
            hold_file=self.hold_file,
        )

    def host(self) -> Host:
        """The record."""
        found = self.store.get(Host, "host-1")
        assert found is not None
        return found

    def wish(self, **fields: Any) -> Host:
        """What a person writes."""
        fresh = self.host().model_copy(update={**fields, "wake_at": self.clock.at})
        self.store.apply(Change(replace=(fresh,)), now=self.clock.at)
        return self.host()

    def intents(self) -> list[Intent]:
        """What was written down before it was done."""
        return self.store.find(Intent, host_id="host-1")

    def kinds(self) -> Counter[str]:
        """How many events of each kind there were."""
        return Counter(event.kind for event in self.store.events(limit=1000))

    def step(self) -> None:
        """One step when it is due; a controller that dies or lost its lease is replaced."""
        host = self.host()
        self.clock.at = max(self.clock.at, self.controller.resting.until(host))
        self.iron.settle()
        self._agent(host)
        try:
            asyncio.run(self._one())
        except Crash:
            self.crashes += 1
            self.start()
        except FenceLost:
            self.start()

    async def _one(self) -> None:
        await self.controller.hold.look()
        await self.controller.stepping.guarded(self.host())

    def run(self, until: Callable[[Host], bool], *, steps: int = 400) -> Host:
        """Steps until it is so; a host that never gets there is a failure."""
        for _ in range(steps):
            if until(self.host()):
                return self.host()
            self.step()
        host = self.host()
        raise AssertionError(f"after {steps} steps {host.state}: {host.waiting}, {host.problem}")

    def _agent(self, host: Host) -> None:
        """It speaks when the host runs from a medium of ours for long enough."""
        iron, now = self.iron, self.clock.at
        up = iron.power is PowerState.ON and (now - iron.on_since).total_seconds() >= BOOT_S
        if not up or self.mute or "/media/" not in iron.image:
            return
        media_id = iron.image.rpartition("/")[2].removesuffix(".iso")
        ordered = host.acceptance_order
        observed = ObservedState(
            generation=0,
            boot_id=f"boot-{iron.boots}",
            physical_host="machine-1",
            agent_version="0",
            simulated=True,
            isolated=True,
            acceptance=make_report(order_id=ordered) if ordered else None,
            drives_read=iron.drives_read(),
        )
        known = self.store.get(AgentSeen, host.id)
        seen = AgentSeen(
            host_id=host.id,
            media_id=media_id,
            certificate_serial="1",
            enrolled_at=now,
            seen_at=now,
            observed=observed,
            version=known.version if known else 1,
        )
        change = Change(replace=(seen,)) if known else Change(insert=(seen,))
        self.store.apply(change, now=now)


def ended(host: Host) -> bool:
    """Ready, or with a person."""
    parked = host.problem is not None and host.problem.parked
    return host.state is HostState.READY or parked


@contextmanager
def drawer(folder: Path, **host: Any) -> Iterator[Drawer]:
    """A host that is behind in firmware and BIOS, with an approved plan that lists the update."""
    clock = Hands()
    iron = Iron(clock)
    store = MemoryStore()
    facts = make_facts(firmware=dict(iron.firmware), bios=dict(iron.bios))
    planned = [PlannedHost(name="r1-h1", slot="r1-h1", facts=facts)]
    plan = plan_bring_up(lab(), pod="lab", hosts=planned)
    pod = make_pod(plan=plan, bring_up="running")
    fresh = {"facts": None, "uuid": "", **host}
    store.apply(Change(insert=(pod, make_host(**fresh))), now=NOW)
    keys = folder / "simulated.key"
    key = (
        SigningKey.load(keys, purpose="simulated")
        if keys.exists()
        else SigningKey.generate(keys, purpose="simulated")
    )
    try:
        yield Drawer(clock, iron, store, key, SecretBox.open(folder / "secrets.key"))
    finally:
        store.close()
