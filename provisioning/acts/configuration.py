"""Configuring a booted host by the site's playbook, and again once when it fails."""

from __future__ import annotations

from datetime import timedelta

from inventory.model import Host, Problem
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.world import World

CONFIGURE_TRIES = 2  # a playbook that failed twice in a row does not heal by itself


class Configuration:
    """Runs the playbook for one host."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def configure(self, host: Host, boot_id: str) -> Outcome:
        """Run it once; the second failure in a row parks the host."""
        result = await self._world.player.configure(
            host, {"host": host.name, "pod": host.pod, "slot": host.slot, "boot_id": boot_id}
        )
        if result.ok:
            event = self._recorder.event(
                host, "host.configured", "", f"{result.changed} changed", boot_id
            )
            return await self._recorder.record(
                host, {"configured_boot_id": boot_id, "problem": None}, events=(event,)
            )
        message = f"task {result.task!r} failed: {result.output}"
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
