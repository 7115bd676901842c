"""Carrying out a password's rotation on one host: thin, one durable step after the other.

`provisioning.onboarding.rotation` decides; this asks the BMC and writes down. A reply that was lost
and a process that died look alike afterwards: the phase is pending, and the BMC is asked which of
the two passwords it takes. The fault points are those of every other step.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.model import Event, Host, Problem
from inventory.states import HostState
from inventory.store.protocol import Change, Fence
from provisioning.drivers.capabilities import (
    AccountDriver,
    Capability,
    PasswordPolicyReader,
    lacking,
)
from provisioning.drivers.protocol import Bmc
from provisioning.errors import (
    BmcRefused,
    CredentialsRefused,
    PasswordRefused,
    Retry,
    Unsupported,
)
from provisioning.onboarding.passwords import SHAPES, generate
from provisioning.onboarding.rotation import (
    GiveUp,
    Known,
    Old,
    Opens,
    Probe,
    Promote,
    ProveClosed,
    Rest,
    SetPending,
    StillOpen,
    StorePending,
    Stuck,
    decide_rotation,
)
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

PENDING_PASSWORD = "bmc-password-pending"  # noqa: S105 - the name of a field, not a secret
STEPS_MAX = 4 + 3 * len(SHAPES)
"""Store, set and probe for each shape; prove, promote, rest; one that a new life begins with."""
STORED_AS = {Opens.CURRENT: BMC_PASSWORD, Opens.PENDING: PENDING_PASSWORD}
WHY_MAX = 500
TOOK_IT = "the BMC answered that it took the new password, and still takes the old one alone"


class FactoryPasswordOpen(Retry):
    """The BMC has its new password, and takes the one that others know as well."""


@dataclass(frozen=True, slots=True)
class Rotating:
    """Gives BMCs passwords of their own, for one controller."""

    world: World
    fence: Fence
    liked: dict[str, int] = field(default_factory=dict)
    """The shape that a host type's BMCs took last: the next one of them is not refused first."""

    async def go_on(  # noqa: C901 - one line per step, nothing else
        self, host: Host, *, held: bool
    ) -> Host:
        """The host when nothing is left to do; trouble with the BMC is raised, and tried again."""
        factory = host.bmc.credentials == "factory"
        known = Known(shape=self.liked.get(host.host_type, 0))
        for _ in range(STEPS_MAX):
            step = decide_rotation(host.rotation, known, factory=factory, held=held)
            self.world.faults.enter(f"rotation/{type(step).__name__}")
            self.world.faults.reach("before-act")
            match step:
                case Rest():
                    break
                case StorePending(shape):
                    host = await self._store_pending(host, shape)
                    known = Known(Opens.CURRENT, shape=shape)  # it read the policy just now
                case Probe(first):
                    known = replace(known, opens=await self._probe(host, first))
                case SetPending():
                    known = await self._set_pending(host, known.shape)
                case ProveClosed():
                    known = replace(known, old=await self._old(host))
                case StillOpen():
                    raise _open_still(host)
                case Promote():
                    self.liked[host.host_type] = known.shape
                    host = await self._promote(host)
                case GiveUp(why):
                    host = await self._give_up(host, why)
                case Stuck():
                    raise _changed_by_others(host)
        return host

    async def _store_pending(self, host: Host, shape: int) -> Host:
        try:
            bmc = await self.world.bmcs.of(host)
            if not isinstance(bmc, AccountDriver) or not isinstance(bmc, PasswordPolicyReader):
                raise lacking(Capability.ACCOUNTS, where=host.name)
            password = generate(await bmc.password_policy(), SHAPES[shape])
        except Unsupported as error:
            return await self._give_up(host, _said(error))
        sealed = self.world.secrets.seal(host.id, PENDING_PASSWORD, password)
        return await self._record(
            host, {"rotation": "pending"}, secrets={(host.id, PENDING_PASSWORD): sealed}
        )

    async def _probe(self, host: Host, first: Opens) -> Opens:
        order = (Opens.CURRENT, Opens.PENDING)
        for opens in order if first is Opens.CURRENT else order[::-1]:
            if await self._does_open(host, STORED_AS[opens]):
                return opens
        return Opens.NEITHER

    async def _old(self, host: Host) -> Old:
        """Whether the password that others know opens it: the one refused login that is wanted."""
        return Old.OPENS if await self._does_open(host, BMC_PASSWORD) else Old.REFUSED

    async def _does_open(self, host: Host, name: str) -> bool:
        bmc = await self.world.bmcs.anew(host, await self._password(host, name))
        try:
            await bmc.identity()
        except CredentialsRefused:
            return False
        else:
            return True
        finally:
            await bmc.close()

    async def _set_pending(self, host: Host, shape: int) -> Known:
        """What the BMC answered: a refusal is no proof that it did nothing."""
        bmc: Bmc = await self.world.bmcs.of(host)
        if not isinstance(bmc, AccountDriver):
            return Known(answer=_said(lacking(Capability.ACCOUNTS, where=host.name)), shape=shape)
        password = await self._password(host, PENDING_PASSWORD)
        try:
            await bmc.set_account_password(host.bmc.username, password)
        except (BmcRefused, Unsupported) as error:
            another = isinstance(error, PasswordRefused) and shape + 1 < len(SHAPES)
            return Known(answer=_said(error), shape=shape + another, another=another)
        return Known(answer=TOOK_IT, shape=shape)

    async def _promote(self, host: Host) -> Host:
        password = await self._password(host, PENDING_PASSWORD)
        sealed = self.world.secrets.seal(host.id, BMC_PASSWORD, password)
        await self.world.bmcs.drop(host.id)
        access = host.bmc.model_copy(
            update={"revision": host.bmc.revision + 1, "credentials": "own"}
        )
        done = host.adoption.model_copy(
            update={"password_set_at": self.world.clock.now(), "password_tried_at": None}
        )
        log.info("BMC password rotated", extra={"host": host.name})
        return await self._record(
            host,
            {"rotation": "", "bmc": access, "adoption": done},
            secrets={(host.id, BMC_PASSWORD): sealed},
            event=self._event(host, "host.password-rotated", f"account {host.bmc.username}"),
        )

    async def _give_up(self, host: Host, why: str) -> Host:
        log.warning("BMC password kept", extra={"host": host.name})
        now = self.world.clock.now()
        tried = host.adoption.model_copy(update={"password_tried_at": now})
        fields: dict[str, object] = {"rotation": "", "adoption": tried}
        if host.bmc.credentials == "factory" and host.state is HostState.REGISTERING:
            fields |= {"problem": _others_know(host, why, now), "waiting": ""}
        event = self._event(host, "host.password-kept", why)
        return await self._record(host, fields, event=event)

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


def _others_know(host: Host, why: str, now: datetime) -> Problem:
    return Problem(
        kind="factory-credentials",
        message=f"others know the password of its BMC, and it could not be given another: {why}",
        since=now,
        remedy="change the password at the BMC, and say the new one: "
        f"podyard host bmc {host.name} --password-file FILE; or, where nobody else knows this one: "
        f"podyard host bmc {host.name} --credentials own",
    )


def _open_still(host: Host) -> FactoryPasswordOpen:
    return FactoryPasswordOpen(
        f"{host.name}: its BMC has its new password and still takes the factory one",
        hint="some BMCs need minutes, or a restart; look for a second account of the same name",
    )


def _changed_by_others(host: Host) -> CredentialsRefused:
    return CredentialsRefused(
        f"{host.name}: its BMC takes neither the current nor the pending password",
        hint=f"podyard host bmc {host.name} --password-file FILE",
    )
