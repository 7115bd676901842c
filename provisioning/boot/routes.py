"""The boot door: media and firmware for BMCs, enrolment and the exchange for agents.

It listens where only BMCs and hosts are, apart from the API. A medium is found by an unguessable
name until it expires; the token on it buys one client certificate for one key, once.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from fastapi import APIRouter, Path, Request, Response

from inventory.agent_door import seen_at_enrolment
from inventory.agents import BootDocument, EnrolReply, EnrolRequest
from inventory.authority import Authority
from inventory.deps import ApiDeps
from inventory.errors import Conflict, StaleWrite
from inventory.holding import held
from inventory.model import AgentSeen, Event, Host
from inventory.peer import serial_text
from inventory.refusals import ERRORS, Refused
from inventory.store.protocol import Change
from pods.firmware import image_bytes
from provisioning.boot.asking import note_asked, note_leave_asked, note_refused
from provisioning.boot.identity import another_host
from provisioning.boot.media import BootDoor, token_opens
from provisioning.boot.named import NamedImages
from provisioning.boot.orders import asks_for_leave, destroys, may_begin
from provisioning.boot.transfers import COME_BACK_S, Transfers
from provisioning.images.medium import Medium
from provisioning.lifecycle.restraining import held_back

log = logging.getLogger("podyard.boot")

BOOT_TOKEN = "boot-token"  # noqa: S105 - the name of a field, not a secret
ENROL_TRIES = 3  # a second request at the same moment writes first; then its record decides

MediaId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
HostId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Image = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


@dataclass(frozen=True, slots=True)
class _BootDeps:
    api: ApiDeps
    authority: Authority
    door: BootDoor
    images: NamedImages = field(default_factory=NamedImages)


def build_boot_routes(
    deps: ApiDeps,
    *,
    door: BootDoor,
    authority: Authority,
    transfers: Transfers | None = None,
    medium: Medium | None = None,
) -> APIRouter:
    """Media, firmware and enrolment: they join the agents' exchange on one listener.

    `medium` is what real hosts boot from; without one they, too, are given the document alone.
    """
    boot = _BootDeps(deps, authority, door)
    router = APIRouter(tags=["boot"], responses=ERRORS)
    transfers = transfers or Transfers()

    @router.head("/boot/v1/media/{media_id}.iso", include_in_schema=False)
    @router.get("/boot/v1/media/{media_id}.iso", response_model=BootDocument)
    async def host_medium(media_id: MediaId, request: Request) -> Response:
        """The boot medium of one boot, until it expires; for a simulated host its document."""
        document, host_id, simulated = await deps.in_thread(_document, boot, media_id)
        said = document.model_dump_json().encode()
        if simulated or medium is None:
            return Response(said, media_type="application/json")
        # Each boot has its own document, so the name of the boot names the content.
        content = medium.for_host(said)
        return await transfers.send(content, tag=f'"{media_id}"', request=request, host_id=host_id)

    @router.get("/boot/v1/firmware/{sha256}/{host_id}/{image}", response_class=Response)
    async def firmware(sha256: Digest, host_id: HostId, image: Image, request: Request) -> Response:
        """A firmware image that the spec of a pod on record names: whole, or one range of it.

        The host is only named so that it can say what it waits for.
        """
        content = await deps.in_thread(_image, boot, sha256, image)
        return await transfers.send(content, tag=f'"{sha256}"', request=request, host_id=host_id)

    @router.post("/agent/v1/enrol")
    async def enrol(body: EnrolRequest) -> EnrolReply:
        """Spend a boot token for this boot's client certificate."""
        try:
            return await deps.in_thread(_enrol, boot, body)
        finally:
            deps.wake()  # it enrolled, or it asks for leave

    return router


def _document(deps: _BootDeps, media_id: str) -> tuple[BootDocument, str, bool]:
    """What the medium says, the id of its host, and whether that is a simulated one."""
    store = deps.api.store
    host = next(iter(store.find(Host, media_id=media_id)), None)
    now = deps.api.clock.now()
    if host is None or host.boot is None or now >= host.boot.expires_at:
        raise _nothing_here("no such medium, or its time is over")
    sealed = store.secret(host.id, BOOT_TOKEN)
    if sealed is None:
        raise _nothing_here("this medium has no token")
    note_asked(store, host.id, media_id, now=now)
    token = deps.api.secrets.unseal(host.id, BOOT_TOKEN, sealed)
    return deps.door.document(host, token), host.id, host.simulated


def _image(deps: _BootDeps, sha256: str, image: str) -> bytes:
    """Only what a spec names by digest and name, and only when its content has that digest."""
    item = deps.images.find(deps.api.store, sha256=sha256, image=image)
    if item is None:
        raise _nothing_here("no pod on record uses this image")
    return image_bytes(item)


def _enrol(deps: _BootDeps, request: EnrolRequest) -> EnrolReply:
    for _ in range(ENROL_TRIES):
        host = _host_with_token(deps, request)
        now = deps.api.clock.now()
        if not _opened_before(deps, host):
            _require_leave(deps, host, now)
        certificate = deps.authority.issue_client(request.csr_pem, host_id=host.id, now=now)
        before = deps.api.store.get(AgentSeen, host.id)
        try:
            _record(deps, host, before, certificate, now)
        except (Conflict, StaleWrite):
            continue
        deps.api.store.wake_hosts(now=deps.api.clock.now(), host_id=host.id)
        return EnrolReply(
            host_id=host.id,
            certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
            ca_pem=deps.authority.pem,
            expires_at=certificate.not_valid_after_utc,
        )
    raise _refuse("this host is being enrolled by another request")


def _host_with_token(deps: _BootDeps, request: EnrolRequest) -> Host:
    """The host of this serial, if the token is this boot's. What was wrong stays in our log."""
    host = next(iter(deps.api.store.find(Host, serial=request.serial)), None)
    opens = host is not None and token_opens(host.boot, request.token, now=deps.api.clock.now())
    if host is None or not opens:
        log.warning("an enrolment was refused", extra={"serial": request.serial[:64]})
        raise _refuse("this token does not open this host, or its time is over")
    if another := another_host(host, request):
        _report_refused(deps, host, f"{another}; the medium of {host.name} is in the wrong host")
        raise _refuse("this is not the host that the medium was made for")
    return host


def _opened_before(deps: _BootDeps, host: Host) -> bool:
    """An agent of this boot reported already: who asks now is turned away for that.

    One that was let in and never reported may not have had the answer: it repeats, and is asked for
    its leave as the first time, for there may be a hold since.
    """
    before = deps.api.store.get(AgentSeen, host.id)
    if before is None or before.observed is None or host.boot is None:
        return False
    return before.media_id == host.boot.media_id


def _require_leave(deps: _BootDeps, host: Host, now: datetime) -> None:
    """An agent that would write or erase is let in with the controller's leave, and under no hold.

    The hold is asked here as well: a person may have held the fleet since the leave was given.
    """
    boot = host.boot
    if boot is None or not destroys(boot):
        return
    stopped = held_back(host) or str(held(deps.api.store, deps.api.hold_file) or "")
    if not stopped and may_begin(boot, now=now):
        return
    if not asks_for_leave(boot):
        note_leave_asked(deps.api.store, host.id, boot.media_id, now=now)
        deps.api.store.wake_hosts(now=deps.api.clock.now(), host_id=host.id)
    raise Refused(
        503,
        "not-now",
        stopped or f"{host.name} has no leave yet to write or erase its disks",
        hint="the agent asks again by itself",
        headers={"Retry-After": str(COME_BACK_S)},
    )


def _record(
    deps: _BootDeps,
    host: Host,
    before: AgentSeen | None,
    certificate: x509.Certificate,
    now: datetime,
) -> None:
    media_id = host.boot.media_id if host.boot else ""
    digest = _key_digest(certificate)
    if before is not None and before.media_id == media_id and not _repeats(before, digest):
        _report_refused(
            deps, host, f"the boot token of {host.name} was presented again with another key"
        )
        raise _refuse("this token was used already; a token is good for one agent")
    fresh = seen_at_enrolment(
        host_id=host.id,
        media_id=media_id,
        certificate_serial=serial_text(certificate),
        key_digest=digest,
        now=now,
    )
    event = Event(
        at=now,
        actor="agent",
        kind="host.enrolled-agent",
        subject=f"host:{host.name}",
        new=serial_text(certificate),
        why=f"medium {media_id[:8]}",
    )
    if before is None:
        change = Change(insert=(fresh,), events=(event,))
    else:
        known = fresh.model_copy(update={"version": before.version})
        change = Change(replace=(known,), events=(event,))
    deps.api.store.apply(change, now=now)


def _repeats(before: AgentSeen, digest: str) -> bool:
    """The answer to the first request was lost: the same key asks again, and nobody spoke yet."""
    return before.key_digest == digest and before.observed is None


def _report_refused(deps: _BootDeps, host: Host, why: str) -> None:
    event = Event(
        at=deps.api.clock.now(),
        actor="agent",
        kind="agent.enrol-refused",
        subject=f"host:{host.name}",
        why=why,
    )
    deps.api.store.apply(Change(events=(event,)), now=event.at)
    media_id = host.boot.media_id if host.boot else ""
    note_refused(deps.api.store, host.id, media_id, why, now=event.at)
    log.warning("an enrolment was refused", extra={"host": host.name, "why": why})


def _key_digest(certificate: x509.Certificate) -> str:
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(key).hexdigest()


def _nothing_here(message: str) -> Refused:
    return Refused(404, "not-found", message, hint="the controller makes a new medium per boot")


def _refuse(message: str) -> Refused:
    return Refused(403, "forbidden", message, hint="start the host again: it gets a new token")
