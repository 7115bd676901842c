"""What podyard tries by itself with a host that is late, each remedy once."""

from __future__ import annotations

import logging

from inventory.model import Host, Tried
from inventory.states import HostState
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.drivers.protocol import FirmwareDriver, ManagerReset, TaskPhase
from provisioning.errors import ProvisioningError
from provisioning.lifecycle.actions import TryRemedy
from provisioning.remedies import (
    OVERSTAYED,
    PASSED_OVER,
    Remedy,
    apart,
    overstayed,
    stay,
    told,
    why_never,
)
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

BMC_AWAY_S = 30.0  # no BMC is back sooner, and asking it meanwhile only fails


class Remedies:
    """Tries a remedy, and says what became of it."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def attempt(self, host: Host, action: TryRemedy) -> Outcome:
        """Written down before it is done: a crash in the middle must not try it twice."""
        remedy, now = action.remedy, self._world.clock.now()
        if any(one.remedy == remedy.value for one in stay(host)):
            return await self._recorder.look_again(host)
        outcome = why_never(remedy, host)
        if not outcome and remedy is Remedy.RESTART_BMC:
            outcome = await self._why_no_restart(host)
        tried = (*host.tried, Tried(remedy=remedy.value, at=now, outcome=outcome))
        fields: dict[str, object] = {"tried": tried}
        if remedy is Remedy.SET_APART:
            message, remedy_text = apart(host, action.allowed_s, now)
            event = self._recorder.event(host, "host.remedy", "", remedy.value, message)
            return await self._recorder.park(
                host,
                "overstayed",
                message,
                remedy_text,
                tried=told(host),
                fields=fields,
                events=(event,),
            )
        late = overstayed(host.model_copy(update=fields), action.allowed_s, now)
        if host.problem is None or host.problem.kind == OVERSTAYED:
            fields["problem"] = late
        if remedy is Remedy.BOOT_AGAIN and not outcome:
            fields |= {
                "boot": None,
                "configured_boot_id": "",
                "acceptance_order": "",
                "state": HostState.BOOTING,
                "state_since": now,
            }
        events = [
            self._recorder.event(host, "host.remedy", "", remedy.value, outcome or host.waiting)
        ]
        if host.state is not fields.get("state", host.state):
            events.append(
                self._recorder.event(host, "host.state", host.state, "booting", remedy.value)
            )
        recorded = await self._recorder.record(host, fields, events=tuple(events))
        if remedy is Remedy.RESTART_BMC and not outcome:
            return await self._restart_bmc(recorded.host)
        await self._world.bmcs.drop(host.id)  # whatever comes next begins with a fresh session
        return recorded

    async def _why_no_restart(self, host: Host) -> str:
        """A BMC that is at an update is left alone, whoever began it."""
        try:
            bmc = await self._world.bmcs.of(host)
            if not isinstance(bmc, ManagerReset):
                return f"{PASSED_OVER}: this BMC cannot be asked to restart"
            if isinstance(bmc, FirmwareDriver):
                tasks = await bmc.update_tasks()
                if any(task.phase is TaskPhase.RUNNING for task in tasks):
                    return f"{PASSED_OVER}: the BMC is at an update"
        except ProvisioningError as error:  # it does not answer: nothing can be asked of it
            return f"{PASSED_OVER}: {error}"
        return ""

    async def _restart_bmc(self, host: Host) -> Outcome:
        """One request. Whether its answer came says nothing: the BMC goes away while it answers."""
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, ManagerReset):
            raise TypeError("asked before")
        why = "asked to restart"
        try:
            await bmc.restart_manager()
        except ProvisioningError as error:
            log.warning("BMC restart", extra={"host": host.name, "cause": type(error).__name__})
            why = f"asked to restart: {error}"
        await self._world.bmcs.drop(host.id)
        return await self._recorder.look_again(host, "bmc.restart", why, after_s=BMC_AWAY_S)
