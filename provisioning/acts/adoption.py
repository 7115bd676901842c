"""Making a host's BMC the site's own: what is asked for, closed, and written down as found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from inventory.model import Event, Host
from provisioning.acts.recorder import Outcome, Recorder
from provisioning.drivers.capabilities import Capability, CipherDriver, IpmiLanDriver, lacking
from provisioning.errors import BmcRefused, CredentialsRefused, Unsupported
from provisioning.lifecycle.adopting import CLOSINGS_MAX
from provisioning.world import World


class Adopting:
    """Asks for what is done in two phases, and does what is done in one."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    async def ask(self, host: Host, what: Literal["rotation", "renewal"], why: str) -> Outcome:
        """Written down; the next step of the host carries it out."""
        if what == "rotation":
            event = self._recorder.event(host, "host.password-asked", "", "", why)
        else:
            event = self._recorder.event(host, "host.bmc-certificate-asked", "", "", why)
        return await self._recorder.record(host, {what: "asked", "waiting": why}, events=(event,))

    async def close_ipmi(self, host: Host, why: str) -> Outcome:
        """Switch IPMI over LAN off; whether it is, the next look tells."""
        counted = await self._count(host, why)
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, IpmiLanDriver):
            raise lacking(Capability.IPMI_LAN, where=host.name)
        return await self._closed(counted, bmc.close_ipmi_over_lan, why)

    async def close_weak_ciphers(self, host: Host, why: str) -> Outcome:
        """The same, where podyard itself speaks IPMI."""
        counted = await self._count(host, why)
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, CipherDriver):
            raise lacking(Capability.CIPHERS, where=host.name)
        return await self._closed(counted, bmc.close_weak_ciphers, why)

    async def _closed(self, host: Host, close: Callable[[], Awaitable[None]], why: str) -> Outcome:
        """A BMC that refuses is told of, and its host goes on: it was as open before."""
        try:
            await close()
        except CredentialsRefused:
            raise
        except (BmcRefused, Unsupported):
            host = await self._given_up(host)
        return await self._recorder.look_again(host, "", why)

    async def found(self, host: Host, findings: tuple[str, ...]) -> Outcome:
        """What stays open; or, after something was asked to close, that nothing does."""
        # Where something stays open it was tried as often as it helps: the count stays as well.
        closings = host.adoption.closings if findings else 0
        done = host.adoption.model_copy(update={"findings": findings, "closings": closings})
        if findings:
            event = self._recorder.event(host, "host.bmc-finding", "", "", "; ".join(findings))
        else:
            event = self._recorder.event(host, "host.bmc-closed", "", "", "what was open is closed")
        return await self._recorder.record(
            host, {"adoption": done}, events=(event,), same_look=True
        )

    async def _count(self, host: Host, why: str) -> Host:
        """Before it is asked for: a crash in the middle must not make it a loop."""
        asked = host.adoption.closings + 1
        events = (self._recorder.event(host, "host.bmc-finding", "", "", why),)
        return await self._noted(host, asked, events if asked == 1 else ())

    async def _given_up(self, host: Host) -> Host:
        return await self._noted(host, CLOSINGS_MAX, ())

    async def _noted(self, host: Host, closings: int, events: tuple[Event, ...]) -> Host:
        done = host.adoption.model_copy(update={"closings": closings})
        return (await self._recorder.record(host, {"adoption": done}, events=events)).host
