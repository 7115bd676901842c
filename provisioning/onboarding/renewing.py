"""Carrying out the renewal of a BMC's certificate on one host, one durable step after the other.

`provisioning.onboarding.renewal` decides; this asks the BMC and writes down. The pending
certificate lies in the table of sealed secrets, though it is none: that is where what belongs to a
host and is no record lies. The fault points are those of every other step.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.errors import Invalid
from inventory.model import Event, Host
from inventory.store.protocol import Change, Fence
from provisioning.drivers.capabilities import Capability, CertificateDriver, lacking
from provisioning.errors import (
    BmcRefused,
    CertificateChanged,
    CredentialsRefused,
    Retry,
    Unsupported,
)
from provisioning.onboarding.renewal import (
    Changed,
    GiveUp,
    Install,
    Known,
    NotYet,
    Promote,
    Rest,
    Shake,
    Shows,
    StorePending,
    decide_renewal,
)
from provisioning.world import World

log = logging.getLogger("podyard.provisioning")

PENDING_CERTIFICATE = "bmc-certificate-pending"
STEPS_MAX = 8  # store, install, shake, promote, rest; and a few that a new life begins with
WHY_MAX = 500


class CertificateNotShown(Retry):
    """The BMC took the certificate of the site's authority and shows its old one."""


@dataclass(frozen=True, slots=True)
class Renewing:
    """Gives BMCs certificates of the site's authority, for one controller."""

    world: World
    fence: Fence

    async def go_on(self, host: Host, *, held: bool) -> Host:
        """The host when nothing is left to do; trouble with the BMC is raised, and tried again."""
        known = Known()
        for _ in range(STEPS_MAX):
            step = decide_renewal(host.renewal, known, held=held)
            self.world.faults.enter(f"renewal/{type(step).__name__}")
            self.world.faults.reach("before-act")
            match step:
                case Rest():
                    break
                case StorePending():
                    host = await self._store_pending(host)
                    known = Known(Shows.CURRENT)  # it was asked for its request just now
                case Shake():
                    known = replace(known, shows=await self._shown(host))
                case Install():
                    known = await self._install(host)
                case Promote():
                    host = await self._promote(host)
                case GiveUp(why):
                    host = await self._give_up(host, why)
                case NotYet():
                    raise _not_yet(host)
                case Changed():
                    raise _changed(host)
        return host

    async def _store_pending(self, host: Host) -> Host:
        try:
            pem = await self._signed(host)
        except CredentialsRefused:
            raise
        except (BmcRefused, Unsupported) as error:
            return await self._give_up(host, f"{error}; hint: {error.hint}")
        except Invalid as error:
            return await self._give_up(host, f"what it asked for was not signed: {error}")
        sealed = self.world.secrets.seal(host.id, PENDING_CERTIFICATE, SecretStr(pem))
        return await self._record(
            host, {"renewal": "pending"}, secrets={(host.id, PENDING_CERTIFICATE): sealed}
        )

    async def _signed(self, host: Host) -> str:
        """A certificate for a key that the BMC made just now."""
        authority = self.world.bmc_authority
        if authority is None:
            raise Unsupported(
                "this controller has no authority for BMCs", hint="see the service's log"
            )
        bmc = await self.world.bmcs.of(host)
        if not isinstance(bmc, CertificateDriver):
            raise lacking(Capability.CERTIFICATES, where=host.name)
        name = urlsplit(host.bmc.address).hostname or host.name
        self.world.faults.reach("before-act", "request_certificate")
        request = await bmc.request_certificate(name)
        return authority.issue_bmc(request, name=name, now=self.world.clock.now())

    async def _shown(self, host: Host) -> Shows:
        """By logging in under each pin in turn: under a wrong one nothing is sent."""
        pending = _fingerprint(await self._pending(host))
        password = await self._unsealed(host, BMC_PASSWORD)
        pins = ((Shows.PENDING, pending), (Shows.CURRENT, host.bmc.fingerprint))
        for shows, pin in pins:
            under = host.bmc.model_copy(update={"fingerprint": pin})
            bmc = await self.world.bmcs.anew(host.model_copy(update={"bmc": under}), password)
            try:
                await bmc.identity()
            except CertificateChanged:
                continue
            else:
                return shows
            finally:
                await bmc.close()
        return Shows.NEITHER

    async def _install(self, host: Host) -> Known:
        bmc = await self.world.bmcs.of(host)
        if not isinstance(bmc, CertificateDriver):
            raise lacking(Capability.CERTIFICATES, where=host.name)
        pem = (await self._pending(host)).public_bytes(Encoding.PEM).decode()
        try:
            await bmc.install_certificate(pem)
        except CredentialsRefused:
            raise
        except (BmcRefused, Unsupported) as error:
            return Known(refused=f"{error}; hint: {error.hint}")
        return Known(took=True)

    async def _promote(self, host: Host) -> Host:
        found = await self._pending(host)
        await self.world.bmcs.drop(host.id)
        pin = _fingerprint(found)
        access = host.bmc.model_copy(update={"fingerprint": pin, "revision": host.bmc.revision + 1})
        done = host.adoption.model_copy(
            update={"certificate_until": found.not_valid_after_utc, "certificate_tried_at": None}
        )
        log.info("BMC certificate renewed", extra={"host": host.name})
        return await self._record(
            host,
            {"renewal": "", "bmc": access, "adoption": done},
            event=self._event(
                host, "host.bmc-certificate", host.bmc.fingerprint, pin, _until(found)
            ),
        )

    async def _give_up(self, host: Host, why: str) -> Host:
        log.warning("BMC certificate kept", extra={"host": host.name})
        done = host.adoption.model_copy(update={"certificate_tried_at": self.world.clock.now()})
        event = self._event(
            host, "host.bmc-certificate-kept", "", host.bmc.fingerprint, why[:WHY_MAX]
        )
        return await self._record(host, {"renewal": "", "adoption": done}, event=event)

    async def _pending(self, host: Host) -> x509.Certificate:
        pem = await self._unsealed(host, PENDING_CERTIFICATE)
        return x509.load_pem_x509_certificate(pem.get_secret_value().encode())

    async def _unsealed(self, host: Host, name: str) -> SecretStr:
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
        now: datetime = self.world.clock.now()
        fresh = host.model_copy(update={"wake_at": now, **fields})
        events = (event,) if event is not None else ()
        change = Change(replace=(fresh,), events=events, secrets=secrets or {})
        self.world.faults.reach("before-record")
        await self.world.in_thread(self.world.store.apply, change, now=now, fence=self.fence)
        self.world.faults.reach("after-record")
        return fresh.model_copy(update={"version": host.version + 1})

    def _event(self, host: Host, kind: str, old: str, new: str, why: str) -> Event:
        return Event(
            at=self.world.clock.now(),
            actor="provisioning",
            kind=kind,
            subject=f"host:{host.name}",
            old=old,
            new=new,
            why=why,
        )


def _fingerprint(found: x509.Certificate) -> str:
    return f"sha256:{hashlib.sha256(found.public_bytes(Encoding.DER)).hexdigest()}"


def _until(found: x509.Certificate) -> str:
    return f"signed by the site's authority, until {found.not_valid_after_utc:%Y-%m-%d}"


def _not_yet(host: Host) -> CertificateNotShown:
    return CertificateNotShown(
        f"{host.name}: its BMC took a new certificate and shows the old one",
        hint="some show it after a restart alone: restart the BMC; both are on record until then",
    )


def _changed(host: Host) -> CertificateChanged:
    return CertificateChanged(
        f"{host.name}: its BMC shows neither the pinned nor the pending certificate; nothing was "
        "sent",
        hint=f"find out why; then podyard host bmc {host.name} --fingerprint sha256:DIGITS",
    )
