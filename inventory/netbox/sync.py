"""The sync in the service: looks at NetBox from time to time, sooner when a webhook says so.

A webhook is a hint and nothing more: NetBox delivers it once at most, and anybody can be late. What
it says is never believed; it names an object, and that object's host is looked at. The round over
everything, every few minutes, is what keeps both sides true.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from inventory.clock import Clock
from inventory.errors import Conflict, FenceLost, InventoryError, StoreUnavailable
from inventory.model import Event
from inventory.netbox.client import Access, NetBoxClient
from inventory.netbox.door import (
    Errand,
    NetBoxDrift,
    NetBoxReading,
    NetBoxRun,
    NetBoxStatus,
)
from inventory.netbox.errors import Unreachable
from inventory.netbox.lane import lane
from inventory.netbox.mapping import load_mapping
from inventory.netbox.plan import SyncPlan
from inventory.netbox.rounds import Order, Round, Site, go_round
from inventory.netbox.settings import NetBoxSettings, read_secret
from inventory.netbox_links import NetBoxLink
from inventory.restored import CONFIRM, watching_only
from inventory.store.protocol import Change, Store
from inventory.threads import InThread

log = logging.getLogger("podyard.netbox")

RUNS_KEPT = 20
HINTS_MOST = 20  # more hosts than this are looked at cheaper all together
HINT_SETTLES_S = 1.0  # one save in NetBox's forms changes several objects, and each sends a hint
PARTS = frozenset(
    {"dcim.module", "dcim.interface", "dcim.modulebay", "dcim.powerport", "dcim.poweroutlet"}
)
BY_ITSELF = "netbox"
ROUND = "round"


class NetBoxSync:
    """One per process. `run` is its loop; the rest may be called from the event loop alone."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: NetBoxSettings,
        *,
        in_thread: InThread,
        worker: str,
        alone: bool,
    ) -> None:
        """Raises Denied or Unsupported when the settings cannot work."""
        self._settings = settings
        self._clock = clock
        self._store = store
        self._in_thread = in_thread
        self._worker = worker
        self._alone = alone
        self._site = Site(
            store, clock, load_mapping(settings.mapping_file), settings.owner, settings.simulated
        )
        token = read_secret(settings.token_file, setting="PODYARD_NETBOX_TOKEN_FILE")
        self._access = Access(settings.url, token, settings.ca_file)
        NetBoxClient(self._access).close()  # refuses a wrong address now, not in a while
        self._webhook: SecretStr | None = None
        if settings.webhook_secret_file:
            self._webhook = read_secret(
                settings.webhook_secret_file, setting="PODYARD_NETBOX_WEBHOOK_SECRET_FILE"
            )
        self._runs: dict[str, NetBoxRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = asyncio.Lock()
        self._woken = asyncio.Event()
        self._hints: set[int] = set()
        self._status = NetBoxStatus(
            configured=True, url=settings.url, push=settings.push, owner=settings.owner
        )
        self._drift = NetBoxDrift()

    def status(self) -> NetBoxStatus:
        """How it stands."""
        return self._status.model_copy(update={"waiting_hints": len(self._hints)})

    def drift(self) -> NetBoxDrift:
        """What differed at the last look."""
        return self._drift

    def run_of(self, key: str) -> NetBoxRun | None:
        """An errand, or None when it is forgotten."""
        return self._runs.get(key)

    def start(
        self, errand: Errand, *, by: str, digest: str = "", delete: bool = False
    ) -> NetBoxRun:
        """Begin an errand. Conflict when one is under way."""
        push = errand == "apply"
        order = Order(pull=push, push=push, delete=delete, digest=digest)

        async def go() -> dict[str, Any]:
            return result_of(await self._go(order, what=errand))

        return self._begin(errand, by, go)

    def look(
        self, errand: Errand, *, by: str, work: Callable[[NetBoxReading], dict[str, Any]]
    ) -> NetBoxRun:
        """Begin an errand that only reads there. Conflict when one is under way."""

        async def go() -> dict[str, Any]:
            async with self._busy:
                self._note(running=errand)
                try:
                    return await self._in_thread(self._look_in_lane, work)
                finally:
                    self._note(running="")

        return self._begin(errand, by, go)

    def _begin(
        self, errand: Errand, by: str, go: Callable[[], Awaitable[dict[str, Any]]]
    ) -> NetBoxRun:
        if any(run.state == "running" for run in self._runs.values()):
            raise Conflict(
                f"podyard is at NetBox already: {self._status.running}",
                hint="wait for it; see `podyard netbox status`",
            )
        run = NetBoxRun(id=secrets.token_hex(8), errand=errand, by=by, started_at=self._clock.now())
        self._keep(run)
        task = asyncio.create_task(self._errand(run, go))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    def hint(self, body: bytes, signature: str) -> bool:
        """A webhook of NetBox: remember which device it is about, and look soon."""
        if self._webhook is None or not signed(body, signature, self._webhook):
            return False
        device = device_of(body)
        if device is not None:
            self._hints.add(device)
            self._woken.set()
        return True

    async def run(self) -> None:
        """Rounds, for as long as the service lives."""
        push = self._settings.push == "always"
        while True:
            await self._round(Order(pull=True, push=push))
            ends = self._clock.now().timestamp() + self._settings.interval_s
            while (left := ends - self._clock.now().timestamp()) > 0:
                await self._sleep(left)
                if self._hints:
                    await self._clock.sleep(HINT_SETTLES_S)
                    await self._follow_hints(push=push)

    async def _sleep(self, seconds: float) -> None:
        """For so long, or until a hint comes."""
        self._woken.clear()
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._woken.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _follow_hints(self, *, push: bool) -> None:
        devices, self._hints = self._hints, set()
        hosts = await self._in_thread(self._hosts_of, devices)
        if not hosts:
            return  # devices of others, or of ours that nothing is linked to yet
        narrow = hosts if len(hosts) <= HINTS_MOST else None
        await self._round(Order(pull=True, push=push, hosts=narrow))

    def _hosts_of(self, devices: set[int]) -> frozenset[str]:
        links = (self._store.find(NetBoxLink, netbox_id=key) for key in sorted(devices))
        return frozenset(
            link.key
            for found in links
            for link in found
            if link.netbox_type == "dcim.device" and link.kind == "host"
        )

    async def _round(self, order: Order) -> None:
        """One by itself: what goes wrong is told once, and tried again the next time."""
        try:
            await self._go(order, what=ROUND)
        except Conflict:
            log.info("another process is at work on NetBox")
        except InventoryError as error:
            await self._fail(error)

    async def _errand(self, run: NetBoxRun, go: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        try:
            result = await go()
        except InventoryError as error:
            problem = {"state": "failed", "problem": str(error), "hint": error.hint}
            self._end(run, problem)
            return
        except Exception as error:
            # A bug: the caller who waits for this errand must still hear that it ended.
            self._end(run, {"state": "failed", "problem": f"{type(error).__name__}: {error}"})
            raise
        self._end(run, {"state": "done", "result": result})

    async def _go(self, order: Order, *, what: str) -> Round:
        why = await self._in_thread(watching_only, self._store) if order.push else ""
        if why and what != ROUND:
            raise Conflict(why, hint=f"look at the plan (podyard netbox plan), then run {CONFIRM}")
        if why:  # records from a backup are older than what NetBox was told since
            order = replace(order, pull=False, push=False)
        async with self._busy:
            self._note(running=what)
            try:
                done = await self._in_thread(self._go_in_lane, order)
            finally:
                self._note(running="")
        now = self._clock.now()
        news: dict[str, Any] = {"version": done.version, "problem": "", "hint": ""}
        if order.push:
            news["pushed_at"] = now
        if order.hosts is None:
            self._drift = drift_of(done, order).model_copy(update={"at": now})
            news |= {"looked_at": now, "drift": _sizes(self._drift)}
        self._note(**news)
        return done

    def _go_in_lane(self, order: Order) -> Round:
        with lane(self._store, self._clock, worker=self._worker, alone=self._alone) as (
            fence,
            going_on,
        ):
            connect: Callable[[], NetBoxClient] = lambda: NetBoxClient(  # noqa: E731 - one use
                self._access, going_on=going_on
            )
            return go_round(self._site, order, connect, fence=fence)

    def _look_in_lane(self, work: Callable[[NetBoxReading], dict[str, Any]]) -> dict[str, Any]:
        with lane(self._store, self._clock, worker=self._worker, alone=self._alone) as (
            _fence,
            going_on,
        ):
            client = NetBoxClient(self._access, going_on=going_on)
            try:
                return work(client)
            finally:
                client.close()

    async def _fail(self, error: InventoryError) -> None:
        known = self._status.problem
        self._note(problem=str(error), hint=error.hint)
        if known == str(error) or isinstance(error, FenceLost):
            return
        level = logging.WARNING if isinstance(error, Unreachable) else logging.ERROR
        log.log(level, "a round with NetBox failed", extra={"cause": str(error)})
        now = self._clock.now()
        event = Event(
            at=now, actor=BY_ITSELF, kind="netbox.failed", subject="netbox",
            new=type(error).__name__, why=str(error)[:500],
        )  # fmt: skip
        with contextlib.suppress(StoreUnavailable):  # then that is what is wrong, and it is told
            await self._in_thread(self._store.apply, Change(events=(event,)), now=now)

    def _note(self, **news: Any) -> None:
        self._status = self._status.model_copy(update=news)

    def _end(self, run: NetBoxRun, news: dict[str, Any]) -> None:
        self._keep(run.model_copy(update={**news, "ended_at": self._clock.now()}))

    def _keep(self, run: NetBoxRun) -> None:
        self._runs[run.id] = run
        for key in list(self._runs)[:-RUNS_KEPT]:
            del self._runs[key]


def signed(body: bytes, signature: str, secret: SecretStr) -> bool:
    """NetBox signs with HMAC-SHA512 in hexadecimal."""
    wanted = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha512).hexdigest()
    return hmac.compare_digest(wanted.encode(), signature.lower().encode())


def device_of(body: bytes) -> int | None:
    """NetBox's id of the device that a webhook is about; None when it is about none."""
    try:
        told = json.loads(body)
    except ValueError:
        return None
    if not isinstance(told, dict) or not isinstance(told.get("data"), dict):
        return None
    kind, data = told.get("object_type"), told["data"]
    if kind in PARTS:
        data = data.get("device")
    elif kind != "dcim.device":
        return None
    found = data.get("id") if isinstance(data, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def drift_of(done: Round, order: Order) -> NetBoxDrift:
    """What still differs after a round: what it did is no drift any more."""
    plan = done.plan
    taken = {(f"host/{pull.host_id}", pull.field) for pull in done.pulled} if order.pull else set()
    intents = [one for one in plan.intents if (one.ident, one.field) not in taken]
    failed = {one.ident for one in done.applied.failed} if done.applied else set()
    steps = [step for step in plan.steps if done.applied is None or step.ident in failed]
    left = SyncPlan(steps=tuple(steps))
    removed = done.applied is not None and order.delete
    return NetBoxDrift(
        counts=left.counts,
        steps=tuple(step.view() for step in steps),
        refused=tuple(
            one.view() for one in (*plan.refusals, *(done.applied.failed if done.applied else ()))
        ),
        orphans=() if removed else tuple(one.view() for one in plan.orphans),
        intents=tuple(one.view() for one in intents),
    )


def result_of(done: Round) -> dict[str, Any]:
    """What an errand hands back."""
    pulled = [
        {"name": one.host, "field": one.field, "old": one.old, "new": one.new}
        for one in done.pulled
    ]
    applied = done.applied.view() if done.applied else None
    return {"version": done.version, **done.plan.view(), "pulled": pulled, "applied": applied}


def _sizes(drift: NetBoxDrift) -> dict[str, int]:
    return {
        "steps": len(drift.steps), "refused": len(drift.refused), "orphans": len(drift.orphans),
        "intents": len(drift.intents),
    }  # fmt: skip
