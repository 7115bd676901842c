"""Carrying out a password's rotation on one host: thin, one durable step after the other.

`provisioning.onboarding.rotation` decides; this asks the BMC and writes down. A reply that was lost
and a process that died look alike afterwards: the phase is pending, and the BMC is asked which of
the two passwords it takes. The fault points are those of every other step.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.model import Event, Host
from inventory.store.protocol import Change, Fence
from provisioning.drivers.capabilities import (
    AccountDriver,
    Capability,
    PasswordPolicyReader,
    lacking,
)
from provisioning.drivers.protocol import Bmc
from provisioning.errors import BmcRefused, CredentialsRefused, Unsupported
from provisioning.onboarding.passwords import generate
from provisioning.onboarding.rotation import (
    GiveUp,
    Known,
    Opens,
    Probe,
    Promote,
    Rest,
    SetPending,
    StorePending,
    Stuck,
    decide_rotation,
)
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

PENDING_PASSWORD = "bmc-password-pending"  # noqa: S105 - the name of a field, not a secret
STEPS_MAX = 8  # store, set, probe, promote, rest; and a few that a new life begins with
STORED_AS = {Opens.CURRENT: BMC_PASSWORD, Opens.PENDING: PENDING_PASSWORD}
WHY_MAX = 500
TOOK_IT = "the BMC answered that it took the new password, and still takes the old one alone"


@dataclass(frozen=True, slots=True)
class Rotating:
    """Gives BMCs passwords of their own, for one controller."""

    world: World
    fence: Fence

    async def go_on(self, host: Host, *, held: bool) -> Host:
        """The host when nothing is left to do; trouble with the BMC is raised, and tried again."""
        known = Known()
        for _ in range(STEPS_MAX):
            step = decide_rotation(host.rotation, known, held=held)
            self.world.faults.enter(f"rotation/{type(step).__name__}")
            self.world.faults.reach("before-act")
            match step:
                case Rest():
                    break
                case StorePending():
                    host = await self._store_pending(host)
                    known = Known(Opens.CURRENT)  # it read the policy just now
                case Probe(first):
                    known = Known(await self._probe(host, first), known.answer)
                case SetPending():
                    known = Known(answer=await self._set_pending(host))
                case Promote():
                    host = await self._promote(host)
                case GiveUp(why):
                    host = await self._give_up(host, why)
                case Stuck():
                    raise _changed_by_others(host)
        return host

    async def _store_pending(self, host: Host) -> Host:
        try:
            bmc = await self.world.bmcs.of(host)
            if not isinstance(bmc, AccountDriver) or not isinstance(bmc, PasswordPolicyReader):
                raise lacking(Capability.ACCOUNTS, where=host.name)
            password = generate(await bmc.password_policy())
        except Unsupported as error:
            return await self._give_up(host, _said(error))
        sealed = self.world.secrets.seal(host.id, PENDING_PASSWORD, password)
        return await self._record(
            host, {"rotation": "pending"}, secrets={(host.id, PENDING_PASSWORD): sealed}
        )

    async def _probe(self, host: Host, first: Opens) -> Opens:
        order = (Opens.CURRENT, Opens.PENDING)
        for opens in order if first is Opens.CURRENT else order[::-1]:
            bmc = await self.world.bmcs.anew(host, await self._password(host, STORED_AS[opens]))
            try:
                await bmc.identity()
            except CredentialsRefused:
                continue
            else:
                return opens
            finally:
                await bmc.close()
        return Opens.NEITHER

    async def _set_pending(self, host: Host) -> str:
        """What the BMC answered: a refusal is no proof that it did nothing."""
        bmc: Bmc = await self.world.bmcs.of(host)
        if not isinstance(bmc, AccountDriver):
            return _said(lacking(Capability.ACCOUNTS, where=host.name))
        password = await self._password(host, PENDING_PASSWORD)
        try:
            await bmc.set_account_password(host.bmc.username, password)
        except (BmcRefused, Unsupported) as error:
            return _said(error)
        return TOOK_IT

    async def _promote(self, host: Host) -> Host:
        password = await self._password(host, PENDING_PASSWORD)
        sealed = self.world.secrets.seal(host.id, BMC_PASSWORD, password)
        await self.world.bmcs.drop(host.id)
        access = host.bmc.model_copy(update={"revision": host.bmc.revision + 1})
        log.info("BMC password rotated", extra={"host": host.name})
        return await self._record(
            host,
            {"rotation": "", "bmc": access},
            secrets={(host.id, BMC_PASSWORD): sealed},
            event=self._event(host, "host.password-rotated", f"account {host.bmc.username}"),
        )

    async def _give_up(self, host: Host, why: str) -> Host:
        log.warning("BMC password kept", extra={"host": host.name})
        event = self._event(host, "host.password-kept", why)
        return await self._record(host, {"rotation": ""}, event=event)

    async def _password(self, host: Host, name: str) -> SecretStr:
        sealed = await self.world.in_thread(self.world.store.secret, host.id, name)
        return self.world.secrets.unseal(host.id, name, sealed or b"")

    async def _record(
        self,
        host: Host,
        fields: dict[str, object],
        *,
        secrets: dict[tuple[str, str], bytes] | None = None,
        event: Event | None = None,
    ) -> Host:
        now = self.world.clock.now()
        fresh = host.model_copy(update={"wake_at": now, **fields})
        events = (event,) if event is not None else ()
        change = Change(replace=(fresh,), events=events, secrets=secrets or {})
        self.world.faults.reach("before-record")
        await self.world.in_thread(self.world.store.apply, change, now=now, fence=self.fence)
        self.world.faults.reach("after-record")
        return fresh.model_copy(update={"version": host.version + 1})

    def _event(self, host: Host, kind: str, why: str) -> Event:
        return Event(
            at=self.world.clock.now(),
            actor="provisioning",
            kind=kind,
            subject=f"host:{host.name}",
            why=why,
        )


def _said(error: BmcRefused | Unsupported) -> str:
    return f"{error}; hint: {error.hint}"[:WHY_MAX]


def _changed_by_others(host: Host) -> CredentialsRefused:
    return CredentialsRefused(
        f"{host.name}: its BMC takes neither the current nor the pending password",
        hint=f"podyard host bmc {host.name} --password-file FILE",
    )
