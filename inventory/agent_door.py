"""The agents' exchange: what a host sees against what should be so on it.

Only this door writes `AgentSeen`. The host is the one that the client certificate names, and the
certificate must be this boot's: an earlier boot's is refused, so a host that was switched off and
came back cannot be spoken for by what was left of it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, FastAPI, Request

from inventory import refusals
from inventory.agent_news import News
from inventory.agents import ObservedState, SyncReply, SyncRequest
from inventory.bounds import Bounds
from inventory.deps import ApiDeps
from inventory.errors import StaleWrite
from inventory.model import AgentSeen, Host
from inventory.peer import Peer, closing_of, peer_of
from inventory.refusals import ERRORS, Refused
from inventory.restored import watching_only
from inventory.store.outline import Row
from inventory.store.protocol import Change

log = logging.getLogger("podyard.agents")

WRITE_AGAIN = timedelta(seconds=10)
"""An unchanged report of a host on its way up is written each time: a BMC that says Off may be
wrong about a host that spoke a moment ago."""
WRITE_READY_AGAIN = timedelta(seconds=20)
"""Of a ready host each time too, and every second time of an agent that calls every 10 s."""
ON_ITS_WAY_S = 10.0
"""How long an agent waits here at most while its host is not ready: some states ask whether it
spoke a moment ago. Ready ones wait as long as they will, which thousands of them do at once."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was last written of an agent."""

    state: Row
    certificate_serial: str
    substance: str
    """Digest of what was observed."""
    seen_at: datetime


class SyncDoor:
    """Answers agents; what it remembers of them saves reading, and is forgotten with it."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._news = News(deps)
        self._heard: dict[str, _Heard] = {}

    async def sync(
        self, request: SyncRequest, peer: Peer, *, closing: Callable[[], bool]
    ) -> SyncReply:
        """One exchange; `closing` ends its wait early."""
        host_id = peer.common_name
        if await self._deps.in_thread(self._record, request.observed, peer):
            await self._deps.in_thread(
                self._deps.store.wake_hosts, now=self._deps.clock.now(), host_id=host_id
            )
            self._deps.wake()
        if why := await self._deps.in_thread(watching_only, self._deps.store):
            raise Refused(503, "watching-only", why, hint="the agent goes on with what it does")
        ready = self._news.was_ready(host_id)
        wait_s = request.wait_s if ready else min(request.wait_s, ON_ITS_WAY_S)
        until = self._deps.clock.now() + timedelta(seconds=wait_s)
        generation = request.observed.generation
        return SyncReply(
            desired=await self._news.wait(host_id, generation, until=until, closing=closing)
        )

    def _record(self, observed: ObservedState, peer: Peer) -> bool:
        """Store what was seen, if it says anything new, and tell whether it does."""
        substance = _substance(observed)
        if self._is_old(peer, substance):
            return False
        while True:
            agent = self._known(peer)
            now = self._deps.clock.now()
            changed = agent.observed is None or _substance(agent.observed) != substance
            if not changed and now - agent.seen_at < self._again(agent.host_id):
                self._remember(agent, substance, version=agent.version)
                return False
            fresh = agent.model_copy(update={"observed": observed, "seen_at": now})
            try:
                self._deps.store.apply(Change(replace=(fresh,)), now=now)
            except StaleWrite:
                # Another boot enrolled, or the agent asked twice: look again who may speak.
                continue
            self._remember(fresh, substance, version=agent.version + 1)
            return changed

    def _is_old(self, peer: Peer, substance: str) -> bool:
        """Whether all of this was written a moment ago, and the same agent may still speak."""
        heard = self._heard.get(peer.common_name)
        if heard is None or heard.certificate_serial != peer.serial:
            return False
        host_id = peer.common_name
        age = self._deps.clock.now() - heard.seen_at
        if heard.substance != substance or age >= self._again(host_id):
            return False
        state = self._deps.store.states(AgentSeen, (host_id,)).get(host_id)
        return state == heard.state and host_id in self._deps.store.states(Host, (host_id,))

    def _again(self, host_id: str) -> timedelta:
        return WRITE_READY_AGAIN if self._news.was_ready(host_id) else WRITE_AGAIN

    def _remember(self, agent: AgentSeen, substance: str, *, version: int) -> None:
        host_id = agent.host_id
        state = self._deps.store.states(AgentSeen, (host_id,)).get(host_id)
        if state is not None and state.version == version:
            self._heard[host_id] = _Heard(state, agent.certificate_serial, substance, agent.seen_at)

    def _known(self, peer: Peer) -> AgentSeen:
        """What is on record of this agent, if it may speak. Its host only has to be there."""
        store, host_id = self._deps.store, peer.common_name
        agent = store.get(AgentSeen, host_id)
        if agent is None or host_id not in store.states(Host, (host_id,)):
            self._heard.pop(host_id, None)
            raise _refused("this certificate names no host that is known here")
        if agent.certificate_serial != peer.serial:
            host = store.get(Host, host_id)
            name = host.name if host is not None else host_id
            log.warning("a certificate of another boot was refused", extra={"host": name})
            raise _refused(f"this certificate belongs to another boot of {name}")
        return agent


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


def _substance(observed: ObservedState) -> str:
    """A digest of what was seen, without when: a second look at the same hardware is no news."""
    body = observed.model_dump_json(exclude={"usage", "facts"})
    facts = observed.facts.digest() if observed.facts else ""
    return hashlib.sha256(f"{facts}\n{body}".encode()).hexdigest()


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
