"""What people do in a real bring-up, through the API and with a key, as they would.

They apply pods, approve a plan as soon as there is one and again when hosts come late, say retry to
a canary that was parked, and look at a page now and then. What became of each host they take from
the events, as any other program that follows along.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from provisioning.bench.design import Fleet
from provisioning.bench.probe import Probe
from provisioning.simulator.errors import HallError

SITE = "here"
PAGE = 1000
FOLLOW_S = 1.0
PLAN_S = 5.0
HELP_S = 60.0
TIMEOUT_S = 120.0
GIVEN = ("name", "slot", "bmc", "fingerprint", "username", "password", "serial")


@dataclass(slots=True)
class People:
    """Everybody at one site."""

    url: str
    fleet: Fleet
    planted: Mapping[str, Any]
    hall: Mapping[str, Any]
    probe: Probe = field(init=False)
    ready_at: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    helped: int = 0
    late: int = 0
    """Hosts that joined a later plan than the first of their pod."""
    _client: httpx.AsyncClient = field(init=False)
    _state: dict[str, str] = field(default_factory=dict)
    _parked: dict[str, str] = field(default_factory=dict)
    _planned: dict[str, set[str]] = field(default_factory=dict)
    _last_event: int = 0

    def __post_init__(self) -> None:
        """One client for the work; the probe has its own, as another person would."""
        self._client = self._new_client("")
        self.probe = Probe(self._client, ())

    def _new_client(self, key: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=TIMEOUT_S, trust_env=False
        )

    async def answers(self) -> bool:
        """Whether the service is ready."""
        try:
            return (await self._client.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def enter(self, token: str) -> None:
        """Turn the set-up token into a key."""
        reply = await self._client.post("/api/setup", headers={"Authorization": f"Bearer {token}"})
        key = _good(reply)["text"]
        await self._client.aclose()
        self._client = self._new_client(key)
        one = self.fleet.pods[0].hall.hosts[-1].name
        paths = (
            "/api/hosts?limit=50",
            f"/api/hosts/{one}/why",
            "/api/pods",
            "/api/events?limit=50",
        )
        self.probe = Probe(self._new_client(key), paths)

    async def leave(self) -> None:
        """Close both."""
        await self.probe.client.aclose()
        await self._client.aclose()

    async def bring_up(self, *, limit_s: float, alive: Callable[[], None]) -> float:
        """Until every host that answers is ready or parked; when that was."""
        for pod in self.fleet.pods:
            await self._apply(pod.name)
        probing = asyncio.create_task(self.probe.run())
        ends = time.monotonic() + limit_s
        plan_at = help_at = 0.0
        try:
            while time.monotonic() < ends:
                alive()
                await self._follow()
                if self._settled():
                    break
                now = time.monotonic()
                if now >= plan_at:
                    await self._plan()
                    plan_at = time.monotonic() + PLAN_S
                if now >= help_at:
                    await self._help()
                    help_at = time.monotonic() + HELP_S
                await asyncio.sleep(FOLLOW_S)
            return time.time()
        finally:
            probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await probing

    async def hosts(self) -> list[dict[str, Any]]:
        """Every host as the service tells it."""
        found: list[dict[str, Any]] = []
        for pod in self.fleet.pods:
            query: dict[str, str | int] = {
                "pod": pod.name,
                "limit": PAGE,
                "fields": "name,state,problem",
            }
            page = _good(await self._client.get("/api/hosts", params=query))
            found += page["results"]
        return found

    def told(self, hosts: list[dict[str, Any]]) -> dict[str, Any]:
        """How it ended. A host is lost that answers, and is neither ready nor parked."""
        mute = set(self.planted["mute"])
        parked = {h["name"]: h["problem"]["kind"] for h in hosts if _is_parked(h)}
        ready = {host["name"] for host in hosts if host["state"] == "ready"} - parked.keys()
        left = {host["name"] for host in hosts} - ready - parked.keys()
        return {
            "hosts": len(hosts),
            "ready": len(ready),
            "parked": len(parked),
            "lost": len(left - mute),
            "unanswering": len(mute),
            "black_holed": sum(
                fault.kind == "black-hole" for _, host in self.fleet.hosts for fault in host.faults
            ),
            "parked_for": dict(Counter(parked.values()).most_common()),
            "pods": len(self.fleet.pods),
            "feeds": len(self.fleet.budgets),
            "helped": self.helped,
            "planned_late": self.late,
            "lost_hosts": sorted(left - mute)[:5],
        }

    async def _apply(self, name: str) -> None:
        pod = next(one for one in self.fleet.pods if one.name == name)
        mine = {host.name for host in pod.hall.hosts}
        hosts = [
            {key: host[key] for key in GIVEN} for host in self.hall["hosts"] if host["name"] in mine
        ]
        body = {
            "name": name,
            "site": SITE,
            "spec": pod.spec.document(),
            "hosts": hosts,
            "simulated": True,
        }
        _good(await self._client.post("/api/pods", json=body))

    async def _follow(self) -> None:
        """Every event since the last look."""
        while True:
            query = {"after": self._last_event, "limit": PAGE}
            page = _good(await self._client.get("/api/events", params=query))
            for event in page["results"]:
                self._hear(event)
            self._last_event = page["last"]
            if page["next"] is None:
                return

    def _hear(self, event: Mapping[str, Any]) -> None:
        kind, _, name = event["subject"].partition(":")
        if kind != "host":
            return
        if event["kind"] == "host.state":
            self._parked.pop(name, None)
            self._state[name] = event["new"]
            if event["new"] == "ready":
                self.ready_at[name].append(datetime.fromisoformat(event["at"]).timestamp())
        elif event["kind"] == "host.parked":
            self._parked[name] = event["new"]
        elif event["kind"] == "host.retry":
            self._parked.pop(name, None)

    def _settled(self) -> bool:
        ready = {name for name, state in self._state.items() if state == "ready"}
        every = {host.name for _, host in self.fleet.hosts}
        return not every - ready - self._parked.keys() - set(self.planted["mute"])

    async def _plan(self) -> None:
        """Approve what can be planned: at first, and when hosts came that a plan left out."""
        for pod in self.fleet.pods:
            planned = self._planned.get(pod.name)
            waiting = {
                host.name
                for host in pod.hall.hosts
                if self._state.get(host.name) == "matching" and host.name not in self._parked
            }
            if planned is not None and not waiting - planned:
                continue
            reply = await self._client.get(f"/api/pods/{pod.name}/plan")
            if reply.status_code == httpx.codes.CONFLICT:
                continue
            plan = _good(reply)["plan"]
            body = {"digest": plan["digest"]}
            answer = await self._client.post(f"/api/pods/{pod.name}/up", json=body)
            if answer.status_code == httpx.codes.CONFLICT:
                continue  # another host was inspected meanwhile
            _good(answer)
            covered = {name for wave in plan["waves"] for name in wave["hosts"]}
            self.late += len(covered - planned) if planned is not None else 0
            self._planned[pod.name] = covered

    async def _help(self) -> None:
        """A canary that a person must look at stops its pod, by design: somebody looks."""
        for name in self._parked.keys() & set(self.planted["canaries"]):
            reply = await self._client.post(f"/api/hosts/{name}/retry")
            self.helped += reply.is_success


def _is_parked(host: Mapping[str, Any]) -> bool:
    problem = host["problem"]
    return bool(problem) and problem["next_at"] is None


def _good(reply: httpx.Response) -> dict[str, Any]:
    if not reply.is_success:
        raise HallError(
            f"{reply.request.method} {reply.request.url.path}: {reply.status_code} "
            f"{reply.text[:300]}",
            hint="run it again with --keep DIR and read service.log there",
        )
    found: dict[str, Any] = reply.json()
    return found
