"""What is desired of each host whose agent waits to hear of it.

Thousands of agents wait at once, and hardly any has news. Were each to read its own records four
times a second, that alone would fill a core. So one reader looks for all of them: which versions
the records have that say what is desired. What those of a host say is read again only when its
version moved.

Nothing here is remembered that must not be lost: the records are the truth, and a door that was
started anew answers the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from inventory import refusals
from inventory.agents import AcceptanceOrder, DesiredState, RayOrder, RayTls
from inventory.deps import ApiDeps
from inventory.model import Host, Pod, RayMember
from inventory.refusals import Refused
from inventory.states import HostState
from inventory.store.outline import Row
from pods.spec import PodSpec

log = logging.getLogger("podyard.agents")

RAY_TOKEN = "ray-token"  # noqa: S105 - the name of a field, not a secret
RAY_TLS = "ray-tls"
POLL_EVERY_S = 0.25  # a change is seen before a person could blink twice
HOSTS_PER_S_MAX = 4000.0
"""Looked at in a second at most: two rows each, 3 µs a row, a fortieth of one core."""
ROUNDS = 1_000_000  # no member record is written a million times between two acceptances
KEPT_BESIDES = 1000
"""Hosts that are remembered though their agents do not wait now: between two exchanges."""


class _Ordered(BaseModel):
    """Of a host's record what its agent is told of; the rest is not even parsed."""

    model_config = ConfigDict(frozen=True)

    state: HostState
    pod: str
    acceptance_order: str = ""
    acceptance_round: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """What was desired of a host in these states of its records."""

    host: Row
    member: Row | None
    desired: DesiredState
    ready: bool
    cluster_id: str = ""
    """Whose token belongs into the order; it is not kept here."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """One agent that waits."""

    host_id: str
    generation: int
    until: datetime
    closing: Callable[[], bool]
    answer: asyncio.Future[_Known] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class News:
    """Looks for every agent that waits."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps
        self._known: dict[str, _Known] = {}
        self._tests: dict[str, tuple[Row, tuple[str, ...]]] = {}
        self._waiters: set[_Waiter] = set()
        self._looking: asyncio.Task[None] | None = None

    async def wait(
        self, host_id: str, generation: int, *, until: datetime, closing: Callable[[], bool]
    ) -> DesiredState:
        """Until another generation is desired than this one, or the time is up."""
        known = (await self._deps.in_thread(self._read, (host_id,))).get(host_id)
        if known is None:
            raise _forgotten()
        news = known.desired.generation != generation
        if news or self._deps.clock.now() >= until or closing():
            return await self._told(known)
        waiter = _Waiter(host_id, generation, until, closing)
        self._waiters.add(waiter)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="agents' news")
        try:
            return await self._told(await waiter.answer)
        finally:
            self._waiters.discard(waiter)

    def was_ready(self, host_id: str) -> bool:
        """Whether it was, when it was last looked at."""
        known = self._known.get(host_id)
        return known is not None and known.ready

    async def _look(self) -> None:
        """As long as anybody waits."""
        try:
            while self._waiters:
                await self._deps.clock.sleep(
                    max(POLL_EVERY_S, len(self._waiters) / HOSTS_PER_S_MAX)
                )
                if self._waiters:
                    hosts = {waiter.host_id for waiter in self._waiters}
                    self._tell(await self._deps.in_thread(self._read, hosts), hosts)
        except Exception as error:  # noqa: BLE001 - each request says it to its agent, as its own
            for waiter in self._waiters:
                if not waiter.answer.done():
                    waiter.answer.set_exception(error)
        finally:
            self._looking = None

    def _tell(self, found: dict[str, _Known], looked_for: Collection[str]) -> None:
        now = self._deps.clock.now()
        for waiter in self._waiters:
            if waiter.answer.done() or waiter.host_id not in looked_for:
                continue
            known = found.get(waiter.host_id)
            if known is None:
                waiter.answer.set_exception(_forgotten())
            elif (
                known.desired.generation != waiter.generation
                or now >= waiter.until
                or waiter.closing()
            ):
                waiter.answer.set_result(known)

    def _read(self, hosts: Collection[str]) -> dict[str, _Known]:
        """What is desired of each of these; a host that was forgotten is absent."""
        states = self._deps.store.states(Host, hosts)
        members = self._deps.store.states(RayMember, hosts)
        found: dict[str, _Known] = {}
        for host, state in states.items():
            known = self._known.get(host)
            if known is not None and (known.host, known.member) == (state, members.get(host)):
                found[host] = known
        fresh = self._read_anew(states.keys() - found.keys(), members)
        self._keep(fresh, hosts)
        return found | fresh

    def _read_anew(self, hosts: Collection[str], states: Mapping[str, Row]) -> dict[str, _Known]:
        """A member that was written since its state was read is read again at the next look."""
        if not hosts:
            return {}
        members = self._deps.store.get_many(RayMember, hosts)
        found = {}
        for host_id, document in self._deps.store.documents(Host, hosts).items():
            member = members.get(host_id)
            host = _Ordered.model_validate(document.document)
            desired = DesiredState(
                generation=host.acceptance_round * ROUNDS + (member.version if member else 0),
                acceptance=self._acceptance(host),
                ray=member.order if member else None,
                drain=member.drain if member else False,
            )
            cluster = member.cluster_id if member else ""
            ready = host.state is HostState.READY
            found[host_id] = _Known(document.row, states.get(host_id), desired, ready, cluster)
        return found

    def _keep(self, fresh: dict[str, _Known], hosts: Collection[str]) -> None:
        """Threads meet here: a dict's own update is whole, and whoever loses reads once more."""
        self._known.update(fresh)
        if len(self._known) > 2 * len(self._waiters) + len(hosts) + KEPT_BESIDES:
            waiting = {waiter.host_id for waiter in tuple(self._waiters)} | set(hosts)
            self._known = {host: one for host, one in tuple(self._known.items()) if host in waiting}

    def _acceptance(self, host: _Ordered) -> AcceptanceOrder | None:
        if host.state is not HostState.ACCEPTING or not host.acceptance_order:
            return None
        tests = self._tests_of(host.pod)
        return AcceptanceOrder(order_id=host.acceptance_order, tests=tests) if tests else None

    def _tests_of(self, pod: str) -> tuple[str, ...]:
        """The tests of a pod's spec, whose record also holds its plan: read once a version."""
        state = self._deps.store.states(Pod, (pod,)).get(pod)
        if state is None:
            return ()
        known = self._tests.get(pod)
        if known is None or known[0] != state:
            document = self._deps.store.documents(Pod, (pod,)).get(pod)
            if document is None:
                return ()
            spec = PodSpec.model_validate_json(json.dumps(document.document["spec_document"]))
            floors = (floor.test for floor in spec.acceptance.floors)
            tests = tuple(dict.fromkeys((*floors, *(spec.acceptance.also or ()))))
            known = self._tests[pod] = (document.row, tests)
        return known[1]

    async def _told(self, known: _Known) -> DesiredState:
        if known.desired.ray is None:
            return known.desired
        ray = await self._deps.in_thread(self._with_token, known.desired.ray, known.cluster_id)
        return known.desired.model_copy(update={"ray": ray})

    def _with_token(self, order: RayOrder, cluster_id: str) -> RayOrder | None:
        """The token is only ever in the clear on its way to its host."""
        sealed = self._deps.store.secret(cluster_id, RAY_TOKEN)
        if sealed is None:
            log.error("a cluster has no token", extra={"cluster": order.cluster})
            return None
        token = self._deps.secrets.unseal(cluster_id, RAY_TOKEN, sealed).get_secret_value()
        return order.model_copy(update={"token": token, "tls": self._tls(cluster_id)})

    def _tls(self, cluster_id: str) -> RayTls | None:
        """None for a cluster that was formed before clusters had an authority of their own."""
        sealed = self._deps.store.secret(cluster_id, RAY_TLS)
        if sealed is None:
            return None
        opened = self._deps.secrets.unseal(cluster_id, RAY_TLS, sealed)
        return RayTls.model_validate_json(opened.get_secret_value())


def _forgotten() -> Refused:
    return refusals.Refused(
        403, "forbidden", "the host was forgotten", hint="start the host again to enrol it anew"
    )
