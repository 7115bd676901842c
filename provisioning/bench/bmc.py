"""A BMC in this process: the port that every driver has, with a simulated host behind it.

There is no HTTP between them, so thousands of hosts cost a computer little; what goes wrong in an
exchange is drawn instead, and told with the errors that the Redfish driver would raise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar, cast

from inventory.states import PowerState
from pods.facts import HardwareFacts
from provisioning.bench.host import VirtualHost
from provisioning.bench.weather import NO_LUCK, Dice, Fate, Luck, half, slow_s
from provisioning.drivers.protocol import (
    BiosState,
    BmcIdentity,
    BootEnabled,
    BootSource,
    BootTarget,
    Media,
    TaskPhase,
    TaskReading,
)
from provisioning.errors import (
    Ambiguous,
    AnswerRefused,
    BmcBusy,
    BmcRefused,
    BmcUnreachable,
    ProvisioningError,
    Unsupported,
)
from provisioning.simulator.bootnics import boot_order, mac_of
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.hardware import agent_facts, nics
from provisioning.simulator.state import UpdateTask
from provisioning.simulator.updates import Updates

T = TypeVar("T")

TASKS = "/redfish/v1/TaskService/Tasks"
_PHASES = {"Completed": TaskPhase.DONE, "Exception": TaskPhase.FAILED}


@dataclass(slots=True)
class VirtualBmc:
    """What stays of a BMC from one session to the next."""

    host: VirtualHost
    dice: Dice
    deadline_s: float
    black_holed: bool = False
    sessions: int = 0
    exchanges: int = 0
    updates: Updates = field(init=False)
    _away_until: float = 0.0
    _good_until: float = 0.0
    _forgotten: set[int] = field(default_factory=set)
    """Tasks from before the BMC restarted."""
    _told: dict[str, object] = field(default_factory=dict)
    """What it answered last: a stale answer is that once more."""
    _facts: tuple[object, HardwareFacts] | None = None
    _identity: tuple[object, BmcIdentity] | None = None
    _luck: Luck = NO_LUCK
    """Of the last change that was asked for."""

    def __post_init__(self) -> None:
        """The update service of this host."""
        self.updates = Updates(self.host)

    @property
    def away(self) -> bool:
        """Whether nothing answers now."""
        return self.black_holed or self.host.world.clock.now() < self._away_until

    async def answer(self, what: str, read: Callable[[], T]) -> T:
        """One reading exchange."""
        clock, luck = self.host.world.clock, self.dice.read(what)
        fate, takes_s = self._exchange(luck, again=clock.now() < self._good_until)
        await clock.sleep(takes_s)
        if fate is not Fate.GOOD and fate is not Fate.DROPPED:
            if fate is Fate.TIMEOUT:
                raise BmcUnreachable(f"{self.host.plan.name}: {what}: no answer in time")
            if fate is Fate.ERROR:
                raise BmcBusy(f"{self.host.plan.name}: {what}: HTTP 500")
            if what in self._told and half(luck):
                return cast("T", self._stale(what))
            raise AnswerRefused(f"{self.host.plan.name}: {what}: not a JSON object")
        said = self._told[what] = read()
        self._good_until = clock.now() + self.dice.burst_s
        return said

    def _stale(self, what: str) -> object:
        """From a cache: once more what it said last, as if it were read now."""
        said = self._told[what]
        if isinstance(said, HardwareFacts):
            return said.model_copy(update={"observed_at": self._now()})
        return said

    async def change(self, what: str, act: Callable[[], Awaitable[T]], unheard: T) -> T:
        """One changing exchange: tried once. `unheard` is the answer to what was not done."""
        away, clock = self.away, self.host.world.clock
        luck = self._luck = self.dice.change(what)
        fate, takes_s = self._exchange(luck, again=False)
        if fate is Fate.TIMEOUT and not away and half(luck):
            await act()
        await clock.sleep(takes_s)
        match fate:
            case Fate.TIMEOUT if away:
                raise BmcUnreachable(f"{self.host.plan.name}: {what}: no answer in time")
            case Fate.TIMEOUT:
                raise Ambiguous(f"{self.host.plan.name}: {what}: no answer in time")
            case Fate.WRONG:
                return unheard
            case Fate.ERROR:
                await act()
                raise Ambiguous(f"{self.host.plan.name}: {what}: HTTP 500")
            case Fate.DROPPED:
                raise BmcBusy(f"{self.host.plan.name}: {what}: the session had ended")
            case _:
                return await act()

    def _exchange(self, luck: Luck, *, again: bool) -> tuple[Fate, float]:
        """What becomes of one, and how long it takes. `again`: an answer was good just now."""
        self.exchanges += 1
        if self.away:
            return Fate.TIMEOUT, self.deadline_s
        fate = Fate.GOOD if again else self.dice.fate(luck)
        if fate is Fate.TIMEOUT:
            return Fate.TIMEOUT, self.deadline_s
        if fate is not Fate.SLOW:
            return fate, self.dice.latency_s(luck)
        takes_s = slow_s(luck)
        return (
            (Fate.GOOD, takes_s) if takes_s < self.deadline_s else (Fate.TIMEOUT, self.deadline_s)
        )

    # What is behind the verbs.

    def facts(self) -> HardwareFacts:
        """The whole hardware, built once for each of its conditions."""
        state = self.host.state
        key = (state.power == "On", *state.firmware.values(), *state.bios.values())
        if self._facts is None or self._facts[0] != key:
            self._facts = (key, self._read_facts())
        return self._facts[1].model_copy(update={"observed_at": self._now()})

    def _read_facts(self) -> HardwareFacts:
        plan, state = self.host.plan_now, self.host.state
        told = agent_facts(plan, state, at=self.host.world.clock.now())
        return told.model_copy(
            update={
                "source": "redfish",
                "serial": self.host.serial,
                "uuid": self.host.uuid,
                "nics": nics(plan, powered=state.power == "On"),
            }
        )

    def identity(self) -> BmcIdentity:
        """Which host it is."""
        plan, host = self.host.plan, self.host
        key = (host.serial, host.uuid, host.state.firmware[plan.model.bmc])
        if self._identity is None or self._identity[0] != key:
            said = BmcIdentity(
                serial=host.serial,
                uuid=host.uuid,
                manufacturer=plan.host_type.manufacturer,
                model=plan.host_type.model,
                bmc_firmware=key[2],
                redfish_version="1.20.0",
            )
            self._identity = (key, said)
        return self._identity[1]

    def tasks(self) -> tuple[TaskReading, ...]:
        """Those that it has not forgotten."""
        return tuple(
            _reading(task) for task in self.updates.tasks if task.number not in self._forgotten
        )

    async def update(self, image: str, component: str) -> str:
        """Accept one update."""
        known = self.host.state.firmware
        if component not in known:
            raise Unsupported(
                f"{self.host.plan.name}: no single component is called {component!r}",
                hint=f"the firmware inventory has {', '.join(known)}",
            )
        task = self.updates.start(image, target=component)
        restart_s = self.dice.restart_s(self._luck)
        if restart_s is not None:
            after_s = self._luck.moment * self.host.world.timings.update_s
            self.host.spawn(self._restart(task, after_s, restart_s))
        return f"{TASKS}/{task.number}"

    async def _restart(self, task: UpdateTask, after_s: float, restart_s: float) -> None:
        """The BMC restarts while it writes; what is written goes on."""
        clock = self.host.world.clock
        await clock.sleep(after_s)
        self._away_until = clock.now() + restart_s
        self._forgotten.add(task.number)
        self._told.clear()
        self.host.journal("bmc.restart", away_s=round(restart_s, 3))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.host.world.clock.now(), UTC)


def _reading(task: UpdateTask) -> TaskReading:
    return TaskReading(
        uri=f"{TASKS}/{task.number}",
        phase=_PHASES.get(task.state, TaskPhase.RUNNING),
        percent=task.percent,
        message=task.message,
        nothing_written=task.not_fetched,
    )


class InProcessBmc:
    """One session with one BMC: what a driver is elsewhere."""

    def __init__(self, bmc: VirtualBmc) -> None:
        self._bmc = bmc
        self._open = False

    async def identity(self) -> BmcIdentity:
        """Which host this is."""
        return await self._read("identity", self._bmc.identity)

    async def facts(self) -> HardwareFacts:
        """The whole hardware."""
        return await self._read("facts", self._bmc.facts)

    async def power(self) -> PowerState:
        """The power state, which may be stale."""
        return await self._read("power", lambda: PowerState(self._bmc.host.power))

    async def power_on(self) -> None:
        """Converge."""
        await self._reset("On", {"On", "PoweringOn"})

    async def power_off(self) -> None:
        """Converge."""
        await self._reset("ForceOff", {"Off", "PoweringOff"})

    async def _reset(self, kind: str, already: set[str]) -> None:
        async def act() -> None:
            if self._bmc.host.power not in already:
                await self._bmc.host.reset(kind)

        await self._change(f"reset {kind}", act, None)

    async def boot_source(self) -> BootSource:
        """The override in force."""

        def read() -> BootSource:
            state = self._bmc.host.state
            if state.boot_enabled == "Disabled":
                return BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
            target = BootTarget(state.boot_target)
            return BootSource(
                target=target,
                enabled=BootEnabled(state.boot_enabled),
                uri=state.http_boot_uri if target is BootTarget.UEFI_HTTP else "",
            )

        return await self._read("boot", read)

    async def set_boot_source(self, source: BootSource) -> None:
        """Converge."""

        async def act() -> None:
            self._bmc.host.set_boot(
                target=source.target.value, enabled=source.enabled.value, uri=source.uri
            )

        await self._change("boot override", act, None)

    async def boot_nics(self) -> tuple[str, ...]:
        """MAC addresses as the firmware asks them."""
        host = self._bmc.host

        def read() -> tuple[str, ...]:
            order = boot_order(host.plan, host.state)
            return tuple(mac_of(host.plan, slot).lower() for slot in order)

        return await self._read("boot order", read)

    async def put_boot_nic_first(self, mac: str) -> None:
        """Converge."""
        host = self._bmc.host

        async def act() -> None:
            slots = boot_order(host.plan, host.state)
            found = [one for one in slots if mac_of(host.plan, one).lower() == mac.lower()]
            if found and slots[0] != found[0]:
                host.order_nics(found)

        await self._change("boot order", act, None)

    async def media(self) -> Media:
        """What is in the drive."""

        def read() -> Media:
            state = self._bmc.host.state
            return Media(image=state.media_image, inserted=state.media_inserted)

        return await self._read("media", read)

    async def insert_media(self, image: str) -> None:
        """Converge."""

        async def act() -> None:
            state = self._bmc.host.state
            if state.media_inserted and state.media_image == image:
                return
            if state.media_inserted:
                self._bmc.host.eject_media()
            self._bmc.host.insert_media(image)

        await self._change("insert media", act, None)

    async def eject_media(self) -> None:
        """Converge."""

        async def act() -> None:
            self._bmc.host.eject_media()

        await self._change("eject media", act, None)

    async def bios(self) -> BiosState:
        """Current and pending attributes."""

        def read() -> BiosState:
            state = self._bmc.host.state
            return BiosState(current=dict(state.bios), pending=dict(state.bios_pending))

        return await self._read("bios", read)

    async def set_bios(self, attributes: dict[str, str | int | bool]) -> None:
        """Converge."""

        async def act() -> None:
            self._bmc.host.stage_bios(dict(attributes))

        await self._change("stage bios", act, None)

    async def firmware(self) -> dict[str, str]:
        """Component to version."""
        return await self._read("firmware", lambda: dict(self._bmc.host.state.firmware))

    async def update_firmware(self, component: str, image: str) -> str:
        """Destructive: single try."""
        return await self._change("update", lambda: self._bmc.update(image, component), "")

    async def update_tasks(self) -> tuple[TaskReading, ...]:
        """Every update task that the BMC still knows."""
        return await self._read("tasks", self._bmc.tasks)

    async def power_draw_watts(self) -> float | None:
        """What the host draws."""
        return await self._read("draw", lambda: self._bmc.host.watts)

    async def close(self) -> None:
        """Log out."""
        if self._open:
            self._open = False
            self._bmc.sessions -= 1

    async def _read(self, what: str, read: Callable[[], T]) -> T:
        self._log_in()
        return await self._bmc.answer(what, read)

    async def _change(self, what: str, act: Callable[[], Awaitable[T]], unheard: T) -> T:
        self._log_in()
        try:
            return await self._bmc.change(what, act, unheard)
        except ActionRefused as refused:
            raise _refusal(refused, self._bmc.host.plan.name) from refused

    def _log_in(self) -> None:
        if not self._open:
            self._open = True
            self._bmc.sessions += 1


def _refusal(refused: ActionRefused, host: str) -> ProvisioningError:
    if refused.status == 503:  # noqa: PLR2004 - come back later
        return BmcBusy(f"{host}: {refused}")
    return BmcRefused(f"{host}: {refused}", status=refused.status, hint="read the BMC's own log")
