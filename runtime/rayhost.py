"""Keeps this host's part of a Ray cluster as ordered: network, token, processes, relays.

One task per order does everything in sequence and starts over when Ray ends, because Ray itself
does not: a worker that was cut off for longer than its head waits ends itself and never rejoins.
An agent that crashed left its Ray running, and the next one takes it over as it is. Withdrawing the
order undoes all of it. Everything of Ray lives below one `guard` process, so ending
is complete without `ray stop`, which would end other people's Ray too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from inventory.agents import RayObserved, RayOrder
from inventory.clock import Clock
from runtime.place import RELAY_DASHBOARD, RELAY_SERVE, Place
from runtime.raycommand import Ports, node_address, ray_command, ray_environment
from runtime.rayfence import lower_fence, raise_fence
from runtime.rayguard import GRACE_S, Guard, Left, Word, forget_guard, left_behind, start_guard
from runtime.raysecrets import forget_secrets, keep_only_store, write_secrets
from runtime.relay import Relay, SocketPathError

log = logging.getLogger(__name__)

GUARD_LIMIT_S = GRACE_S + 10.0
START_LIMIT_S = 180.0  # 5 s on an idle machine; 37 s were seen where the host name did not resolve
READY_POLL_S = 0.3
PAUSE_FIRST_S = 1.0
PAUSE_LAST_S = 30.0  # a head that comes back is rejoined within half a minute
STEADY_S = 60.0  # a life this long starts the back-off anew
TAKING_OVER_S = 5.0  # ports that listen are found at once; one that does not may be starting
HALL_TIMEOUT_S = 30.0  # the hall's own limit for laying a cable
LOG_TAIL_BYTES = 2000


class RayHostError(Exception):
    """Ray could not be started; the next attempt follows."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the supervisor needs to know about where it runs."""

    place: Place
    simulated: bool
    clock: Clock
    changed: Callable[[], None]
    """Called whenever `observed` changed."""


class RayHost:
    """The agent's side of at most one Ray order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._place = settings.place
        self._task: asyncio.Task[None] | None = None
        self._guard: Guard | None = None
        self._decided = asyncio.Event()
        self._open: dict[str, Relay] = {}
        self._unguarded = ""
        self.order: RayOrder | None = None
        self.observed: RayObserved | None = None

    async def start(self, order: RayOrder) -> None:
        """Converge to the order in the background. Another order is stopped first."""
        if self.order == order:
            return
        await self.close()
        self.order = order
        self._note(order, "starting")
        if not self._place.isolated:
            log.warning(
                "Ray on %s listens on ALL interfaces of this machine: namespaces are not "
                "available here, its token is the only thing that protects it",
                node_address(order),
            )
        self._task = asyncio.create_task(self._supervise(order))

    async def take_over(self) -> None:
        """Go on with what an agent that crashed has left running, as it was ordered then."""
        left = left_behind(self._place)
        if left is None:
            return
        if left.word is None:
            await self._end_unknown(left.guard)
            return
        order = left.word.order
        log.info("taking over Ray of %s, which outlived its agent", order.cluster)
        self.order = order
        self._decided.clear()
        self._note(order, "starting", restarts=left.word.restarts)
        self._task = asyncio.create_task(self._supervise(order, left))
        with contextlib.suppress(TimeoutError):  # the first report should say that it runs
            await asyncio.wait_for(self._decided.wait(), TAKING_OVER_S)

    async def _end_unknown(self, guard: Guard) -> None:
        """Whose Ray this is, nobody can say: beside it the next order would seem to run at once."""
        log.warning("a Ray that outlived its agent is ended: for what it was started is unreadable")
        self._guard = guard
        await self._end_guard()
        forget_secrets(self._place)
        forget_guard(self._place)

    async def leave(self) -> None:
        """End without ending Ray: the agent crashes, and the next one takes it over."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.let_go()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def stop(self) -> None:
        """Undo the order: processes, relays, network, secrets, all files. Never raises."""
        await self.close()
        keep_only_store(None, self._place)

    async def close(self) -> None:
        """End with the agent: as `stop`, but a head finds its jobs again when it is back."""
        order, self.order = self.order, None
        if order is None:
            return
        self._note(order, "stopping")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._leave_network(order)
        await lower_fence(self._place)
        forget_secrets(self._place)
        forget_guard(self._place)
        _empty(self._place.ray_temp)
        self.observed = None
        self._settings.changed()

    async def _supervise(self, order: RayOrder, left: Left | None = None) -> None:
        pause_s, restarts = PAUSE_FIRST_S, 0
        if left is not None:
            self._guard = left.guard
            restarts = left.word.restarts if left.word is not None else 0
        else:  # a host that lost power has kept another tenant's session
            _empty(self._place.ray_temp)
        try:
            while True:
                began = asyncio.get_running_loop().time()
                reason = await self._one_life(order, restarts)
                if asyncio.get_running_loop().time() - began > STEADY_S:
                    pause_s = PAUSE_FIRST_S
                log.warning(
                    "Ray of %s ended: %s; next try in %.0f s", order.cluster, reason, pause_s
                )
                self._note(order, "failed", message=reason, restarts=restarts)
                await self._settings.clock.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_LAST_S)
                restarts += 1
        finally:
            await self._end_guard()
            await self._close_relays()

    async def _one_life(self, order: RayOrder, restarts: int) -> str:
        """Start Ray, unless it was taken over, and wait until it ends; why it ended."""
        self._note(order, "starting", restarts=restarts)
        try:
            if self._guard is None:
                await self._join_network(order)
            self._unguarded = await raise_fence(order, self._place)
            if self._unguarded and not restarts:
                log.warning("no packet filter around Ray: %s", self._unguarded)
            if self._guard is None:
                self._guard = self._begin(order, restarts)
            guard = self._guard
            await self._open_relays(order)
            await self._until_ready(order, guard)
        except (RayHostError, SocketPathError, OSError, ValueError) as error:
            await self._end_guard()
            return str(error)
        self._note(order, "running", restarts=restarts, relays=self._relay_names())
        how = await guard.wait()
        await self._end_guard()
        return f"{how}: {self._log_tail()}"

    def _begin(self, order: RayOrder, restarts: int) -> Guard:
        """Everything that Ray needs, anew, and Ray."""
        write_secrets(order, self._place)
        keep_only_store(order, self._place)
        _make_private(self._place.ray_temp)
        for directory in (self._place.home, self._place.ray_log.parent):
            directory.mkdir(parents=True, exist_ok=True)
        return start_guard(
            ray_command(order, self._place, simulated=self._settings.simulated),
            ray_environment(order, self._place, os.environ),
            self._place,
            Word(order=order, restarts=restarts),
        )

    async def _until_ready(self, order: RayOrder, guard: Guard) -> None:
        """Ports open in the order in which Ray starts: raylet last, dashboard beside it."""
        wanted = [(node_address(order), Ports.of(order).node_manager)]
        if order.role == "head":
            wanted.append(("127.0.0.1", order.dashboard_port))
        try:
            async with asyncio.timeout(START_LIMIT_S):
                for address, port in wanted:
                    await self._until_listening(address, port, guard)
        except TimeoutError:
            raise RayHostError(
                f"Ray did not start within {START_LIMIT_S:.0f} s: {self._log_tail()}"
            ) from None

    async def _until_listening(self, address: str, port: int, guard: Guard) -> None:
        while not await _listens(address, port):
            if guard.ended:
                raise RayHostError(f"{await guard.wait()}: {self._log_tail()}")
            await self._settings.clock.sleep(READY_POLL_S)

    async def _end_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        guard.ask()
        try:
            await asyncio.wait_for(guard.wait(), GUARD_LIMIT_S)
        except TimeoutError:
            log.warning("the guard of Ray did not end in %.0f s; killing it", GUARD_LIMIT_S)
            guard.kill()
            await guard.wait()
        guard.let_go()

    async def _join_network(self, order: RayOrder) -> None:
        body = {"name": order.network, "address": order.address}
        await self._ask_hall("PUT", body)

    async def _leave_network(self, order: RayOrder) -> None:
        try:
            await self._ask_hall("DELETE", {"name": order.network})
        except RayHostError as error:
            log.warning("network %s was not left: %s", order.network, error)

    async def _ask_hall(self, method: str, body: dict[str, Any]) -> None:
        """A host without a hall is in its network already: the site's own switches did that."""
        if not self._place.isolated or not self._place.hall.exists():
            return
        transport = httpx.AsyncHTTPTransport(uds=str(self._place.hall))
        try:
            async with httpx.AsyncClient(transport=transport, timeout=HALL_TIMEOUT_S) as hall:
                answer = await hall.request(
                    method,
                    "http://hall/network",
                    content=json.dumps(body),
                    headers={"content-type": "application/json"},
                )
        except httpx.HTTPError as error:
            raise RayHostError(f"the hall did not answer {method} /network: {error}") from error
        if answer.is_error:
            raise RayHostError(
                f"the hall answered {answer.status_code} to {method} /network {body}: "
                f"{answer.text[:200]}"
            )

    async def _open_relays(self, order: RayOrder) -> None:
        await self._close_relays()
        if order.role != "head":
            return
        for name, file, port in (
            ("dashboard", RELAY_DASHBOARD, order.dashboard_port),
            ("serve", RELAY_SERVE, order.serve_port),
        ):
            relay = Relay(self._place.run / file, host="127.0.0.1", port=port)
            await relay.start()
            self._open[name] = relay

    async def _close_relays(self) -> None:
        for relay in self._open.values():
            await relay.stop()
        self._open.clear()

    def _relay_names(self) -> dict[str, str]:
        """Relative to the run directory: agent and controller see it under different paths."""
        run = self._place.run
        return {name: str(relay.path.relative_to(run)) for name, relay in self._open.items()}

    def _log_tail(self) -> str:
        """The last words of `ray start`; it never prints the token."""
        try:
            text = self._place.ray_log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return ""
        lines = [line for line in text.splitlines() if line.strip()]
        return " | ".join(lines[-4:])

    def _note(
        self,
        order: RayOrder,
        phase: Any,
        *,
        message: str = "",
        restarts: int = 0,
        relays: dict[str, str] | None = None,
    ) -> None:
        self.observed = RayObserved(
            cluster_id=order.cluster_id,
            role=order.role,
            phase=phase,
            message=message,
            since=self._settings.clock.now(),
            restarts=restarts,
            isolated=self._place.isolated,
            unguarded=self._unguarded,
            relays=relays or {},
        )
        if phase != "starting":
            self._decided.set()
        self._settings.changed()


async def _listens(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _make_private(directory: Path) -> None:
    """Ours, or not used: a directory that another user put there would show them every socket."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise RayHostError(f"{directory} belongs to another user; hint: remove it")


def _empty(directory: Path) -> None:
    """Remove what a cluster left, not the directory itself: it may be a mount point."""
    if not directory.is_dir():
        return
    for entry in directory.iterdir():
        try:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        except OSError as error:  # a mount, or another user's: Ray itself will say if it matters
            log.warning("%s was not removed: %s", entry, error)
