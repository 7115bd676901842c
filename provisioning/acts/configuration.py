"""Configuring a booted host by the site's playbook, and again once when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Protocol, runtime_checkable

from inventory.errors import StaleWrite
from inventory.model import Host, Problem
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.world import PlayResult, World

CONFIGURE_TRIES = 2  # a playbook that failed twice in a row does not heal by itself
TOLD_EVERY_S = 2.0  # a record is written each time, and nobody reads faster


@runtime_checkable
class Watched(Protocol):
    """A player whose run can be watched while it lasts."""

    def doing(self, host_id: str) -> str:
        """The task that runs for a host now; empty when none does."""


@runtime_checkable
class AgentInstaller(Protocol):
    """A player that can install podyard's agent on a running host. Converges."""

    async def install_agent(self, host: Host) -> PlayResult:
        """Run it; never raises for a playbook that fails."""


class Configuration:
    """Runs the playbook for one host."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def configure(self, host: Host, boot_id: str) -> Outcome:
        """Run it once; the second failure in a row parks the host."""
        host, result = await self._played(
            host, {"host": host.name, "pod": host.pod, "slot": host.slot, "boot_id": boot_id}
        )
        if result.ok:
            event = self._recorder.event(
                host, "host.configured", "", f"{result.changed} changed", boot_id
            )
            return await self._recorder.record(
                host, {"configured_boot_id": boot_id, "problem": None}, events=(event,)
            )
        return await self._failed(host, result)

    async def install_agent(self, host: Host) -> tuple[Host, Outcome | None]:
        """Before an agent can be started on a host that somebody else installed.

        The record as it is by then; and, where it failed, what became of the host.
        """
        player = self._world.player
        if not isinstance(player, AgentInstaller):
            return host, None
        host, result = await self._watched(host, player.install_agent(host))
        return host, None if result.ok else await self._failed(host, result)

    async def _failed(self, host: Host, result: PlayResult) -> Outcome:
        """Once more after a pause; the second failure in a row waits for a person."""
        message = f"{host.name}: task {result.task!r} failed: {result.output}"
        tried = (*(host.problem.tried if host.problem else ()), "configure")
        if len(tried) >= CONFIGURE_TRIES:
            remedy = f"correct what the task names, then podyard host retry {host.name}"
            return await self._recorder.park(host, "configure-failed", message, remedy, tried=tried)
        now = self._world.clock.now()
        again = now + timedelta(seconds=self._world.settings.retry_first_s)
        problem = Problem(
            kind="configure-failed",
            message=message,
            since=now,
            tried=tried,
            next_step="configure again",
            next_at=again,
        )
        return await self._recorder.record(host, {"problem": problem, "wake_at": again})

    async def _played(self, host: Host, variables: dict[str, str]) -> tuple[Host, PlayResult]:
        """How it ended, and the record as it is by then: what runs is said on it meanwhile."""
        return await self._watched(host, self._world.player.configure(host, variables))

    async def _watched(
        self, host: Host, playing: Coroutine[Any, Any, PlayResult]
    ) -> tuple[Host, PlayResult]:
        player = self._world.player
        run = asyncio.ensure_future(playing)
        try:
            while isinstance(player, Watched):
                done, _ = await asyncio.wait({run}, timeout=TOLD_EVERY_S)
                if done:
                    break
                host = await self._told(host, player.doing(host.id))
            return host, await run
        finally:
            if not run.done():
                run.cancel()
                await asyncio.gather(run, return_exceptions=True)

    async def _told(self, host: Host, doing: str) -> Host:
        said = f"configuring: {doing}" if doing else ""
        if not said or said == host.waiting:
            return host
        try:
            return (await self._recorder.record(host, {"waiting": said})).host
        except StaleWrite:  # somebody wrote meanwhile: what runs is let to its end all the same
            return host
