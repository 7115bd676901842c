"""The agents' exchange: what a host sees against what should be so on it.

Only this door writes `AgentSeen`. The host is the one that the client certificate names, and the
certificate must be this boot's: an earlier boot's is refused, so a host that was switched off and
came back cannot be spoken for by what was left of it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, Request

from inventory import refusals
from inventory.agents import (
    AcceptanceOrder,
    DesiredState,
    ObservedState,
    RayOrder,
    SyncReply,
    SyncRequest,
)
from inventory.bounds import Bounds
from inventory.deps import ApiDeps
from inventory.errors import StaleWrite
from inventory.model import AgentSeen, Host, Pod, RayMember
from inventory.peer import Peer, closing_of, peer_of
from inventory.refusals import ERRORS, Refused
from inventory.restored import watching_only
from inventory.states import HostState
from inventory.store.protocol import Change
from pods.spec import PodSpec

log = logging.getLogger("podyard.agents")

RAY_TOKEN = "ray-token"  # noqa: S105 - the name of a field, not a secret
WRITE_AGAIN = timedelta(seconds=10)  # an unchanged report: three of them before anybody worries
POLL_EVERY_S = 0.25  # two indexed reads; a change is seen before a person could blink twice
POLLS_PER_S_MAX = 1600.0  # of all waiting agents together: about a tenth of one core
ROUNDS = 1_000_000  # no member record is written a million times between two acceptances


class SyncDoor:
    """Answers agents; remembers nothing but how many are waiting."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._waiting = 0

    async def sync(
        self, request: SyncRequest, peer: Peer, *, closing: Callable[[], bool]
    ) -> SyncReply:
        """One exchange; `closing` ends its wait early."""
        host, changed = await self._deps.in_thread(self._record, request.observed, peer)
        if changed:
            await self._deps.in_thread(
                self._deps.store.wake_hosts, now=self._deps.clock.now(), host_id=host.id
            )
            self._deps.wake()
        if why := await self._deps.in_thread(watching_only, self._deps.store):
            raise Refused(503, "watching-only", why, hint="the agent goes on with what it does")
        return SyncReply(desired=await self._wait(request, host.id, closing))

    async def _wait(
        self, request: SyncRequest, host_id: str, closing: Callable[[], bool]
    ) -> DesiredState:
        """Until another generation is desired than the one observed, or the time is up."""
        until = self._deps.clock.now() + timedelta(seconds=request.wait_s)
        self._waiting += 1
        try:
            while True:
                desired = await self._deps.in_thread(self._desired, host_id)
                left_s = (until - self._deps.clock.now()).total_seconds()
                news = desired.generation != request.observed.generation
                if news or left_s <= 0 or closing():
                    return desired
                pause_s = max(POLL_EVERY_S, self._waiting / POLLS_PER_S_MAX)
                await self._deps.clock.sleep(min(pause_s, left_s))
        finally:
            self._waiting -= 1

    def _record(self, observed: ObservedState, peer: Peer) -> tuple[Host, bool]:
        """Store what was seen, if it says anything new; the host, and whether it does."""
        while True:
            host, agent = self._known(peer)
            now = self._deps.clock.now()
            changed = agent.observed is None or _substance(agent.observed) != _substance(observed)
            if not changed and now - agent.seen_at < WRITE_AGAIN:
                return host, False
            fresh = agent.model_copy(update={"observed": observed, "seen_at": now})
            try:
                self._deps.store.apply(Change(replace=(fresh,)), now=now)
            except StaleWrite:
                # Another boot enrolled, or the agent asked twice: look again who may speak.
                continue
            return host, changed

    def _known(self, peer: Peer) -> tuple[Host, AgentSeen]:
        agent = self._deps.store.get(AgentSeen, peer.common_name)
        host = self._deps.store.get(Host, peer.common_name)
        if agent is None or host is None:
            raise _refused("this certificate names no host that is known here")
        if agent.certificate_serial != peer.serial:
            log.warning("a certificate of another boot was refused", extra={"host": host.name})
            raise _refused(f"this certificate belongs to another boot of {host.name}")
        return host, agent

    def _desired(self, host_id: str) -> DesiredState:
        host = self._deps.store.get(Host, host_id)
        if host is None:
            raise _refused("the host was forgotten")
        member = self._deps.store.get(RayMember, host_id)
        return DesiredState(
            generation=host.acceptance_round * ROUNDS + (member.version if member else 0),
            acceptance=self._acceptance(host),
            ray=self._ray(member) if member else None,
            drain=member.drain if member else False,
        )

    def _acceptance(self, host: Host) -> AcceptanceOrder | None:
        if host.state is not HostState.ACCEPTING or not host.acceptance_order:
            return None
        pod = self._deps.store.get(Pod, host.pod)
        if pod is None:
            return None
        spec = PodSpec.model_validate_json(json.dumps(pod.spec_document))
        tests = tuple(dict.fromkeys(floor.test for floor in spec.acceptance.floors))
        return AcceptanceOrder(order_id=host.acceptance_order, tests=tests)

    def _ray(self, member: RayMember) -> RayOrder | None:
        """The order with its token, which is only ever in the clear on its way to its host."""
        if member.order is None:
            return None
        sealed = self._deps.store.secret(member.cluster_id, RAY_TOKEN)
        if sealed is None:
            log.error("a cluster has no token", extra={"cluster": member.order.cluster})
            return None
        token = self._deps.secrets.unseal(member.cluster_id, RAY_TOKEN, sealed)
        return member.order.model_copy(update={"token": token.get_secret_value()})


def build_agent_routes(deps: ApiDeps) -> FastAPI:
    """The app behind the agent door."""
    app = FastAPI(title="podyard agent door", openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(_router(SyncDoor(deps)))
    refusals.install(app)
    app.add_middleware(Bounds)
    return app


def _router(door: SyncDoor) -> APIRouter:
    router = APIRouter(prefix="/agent/v1", tags=["agents"], responses=ERRORS)

    @router.post("/sync")
    async def sync(body: SyncRequest, request: Request) -> SyncReply:
        """Report what is so; hear what should be so. Waits for news up to `wait_s`."""
        return await door.sync(body, _required_peer(request), closing=closing_of(request.scope))

    return router


def _required_peer(request: Request) -> Peer:
    peer = peer_of(request.scope)
    if peer is None:
        raise Refused(
            401,
            "unauthenticated",
            "a client certificate is needed",
            hint="enrol with the boot token first",
        )
    return peer


def _refused(message: str) -> Refused:
    return Refused(403, "forbidden", message, hint="start the host again to enrol it anew")


def _substance(observed: ObservedState) -> dict[str, Any]:
    """What was seen, without when: a second look at the same hardware is no news."""
    body = observed.model_dump(exclude={"usage", "facts"})
    return {**body, "facts": observed.facts.digest() if observed.facts else ""}


def seen_at_enrolment(  # every field at once, so that none of an earlier boot stays
    *, host_id: str, media_id: str, certificate_serial: str, key_digest: str, now: datetime
) -> AgentSeen:
    """What is on record of an agent that has just enrolled."""
    return AgentSeen(
        host_id=host_id,
        media_id=media_id,
        certificate_serial=certificate_serial,
        key_digest=key_digest,
        enrolled_at=now,
        seen_at=now,
    )
