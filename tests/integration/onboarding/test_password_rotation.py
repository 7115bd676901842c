"""A BMC's password rotated while the controller dies at every point; a real login is the judge.

The BMC is one of the simulated hall, over HTTPS. The controller dies by an exception that nothing
of the product catches, at each fault point of a whole rotation in turn; the test after it kills the
process for real.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.clock import SystemClock
from inventory.model import BmcAccess, Host
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change, Fence
from inventory.store.sql import SqlStore
from pods import catalogue
from provisioning.bmcs import BmcPool
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.logged import logged
from provisioning.drivers.protocol import Bmc
from provisioning.errors import Ambiguous, CredentialsRefused
from provisioning.faultpoints import FaultPoints
from provisioning.onboarding import rotating
from provisioning.onboarding.rotating import (
    PENDING_PASSWORD,
    FactoryPasswordOpen,
    Rotating,
)
from provisioning.settings import ProvisioningSettings
from provisioning.simulator.clock import RealClock
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.process import Hall, HallSettings
from provisioning.speaking import under_lease
from provisioning.world import World
from tests.bed import bed
from tests.make import make_host
from tests.migrated import fresh_store

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

NEVER = 0
DEATHS_MAX = 100
WANTED_POINTS = {
    "before-act",
    "before-record",
    "after-record",
    "mid-request set_account_password",
    "after-effect set_account_password",
}


class Crash(BaseException):
    """The controller dies here: no handler of the product may catch it."""


class Points(FaultPoints):
    """Fault points that raise instead of killing this process."""

    def __init__(self, die_at: int) -> None:
        super().__init__()
        self.visited: list[str] = []
        self._die_at = die_at

    @property
    def armed(self) -> bool:
        """So that the points in the middle of a call are visited."""
        return True

    def reach(self, point: str, detail: str = "") -> None:
        """One more; the chosen one is the last."""
        self.visited.append(f"{point} {detail}".strip())
        if len(self.visited) == self._die_at:
            raise Crash(point)


async def here(call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """At once: nothing else waits."""
    return call(*arguments, **named)


@dataclass
class Stage:
    """One host on record, and its simulated BMC."""

    store: SqlStore
    fence: Fence
    box: SecretBox = field(default_factory=lambda: SecretBox(bytes(32)))

    @property
    def host(self) -> Host:
        """The record."""
        (found,) = self.store.find(Host)
        return found

    def ask(self, *, credentials: str = "own") -> None:
        """What `podyard bmc rotate` writes, or registering a host with its vendor's password."""
        access = self.host.bmc.model_copy(update={"credentials": credentials})
        asked = self.host.model_copy(update={"rotation": "asked", "bmc": access})
        self.store.apply(Change(replace=(asked,)), now=SystemClock().now())

    def stored(self, name: str = BMC_PASSWORD) -> SecretStr:
        """A stored password; of no worth when there is none."""
        sealed = self.store.secret(self.host.id, name)
        return self.box.unseal(self.host.id, name, sealed) if sealed else SecretStr("none")

    async def life(self, die_at: int = NEVER, *, held: bool = False) -> list[str]:
        """One life of a controller: what it came through until it ended or died."""
        points = Points(die_at)
        around = under_lease(lambda: True, points)

        async def opened(host: Host, password: SecretStr) -> Bmc:
            return logged(driver(host, password), host=host.name, around=around)

        async def current(_host: Host) -> SecretStr:
            return self.stored()

        pool = BmcPool(opened, current)
        world = World(
            store=self.store,
            secrets=self.box,
            clock=SystemClock(),
            bmcs=pool,
            door=cast("Any", None),
            player=cast("Any", None),
            signing_key=cast("Any", None),
            simulated_key=cast("Any", None),
            settings=ProvisioningSettings(),
            faults=points,
            in_thread=cast("Any", here),
        )
        try:
            await Rotating(world, self.fence).go_on(self.host, held=held)
        except Crash:
            pass
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            sent = [task for task in others if "_journal" in str(task) or "record" in str(task)]
            await asyncio.gather(*sent, return_exceptions=True)  # what was sent arrives
            await pool.close()
        return points.visited

    async def opens(self, password: SecretStr) -> bool:
        """Whether the BMC takes it."""
        return await opens(self.host, password)

    def told(self) -> list[str]:
        """What the events say of the password."""
        return [kind for kind in told_of(self.store) if kind.startswith("host.password")]


def driver(host: Host, password: SecretStr) -> Bmc:
    """The product's own driver."""
    return open_bmc(
        host.bmc.address,
        Credentials(username=host.bmc.username, password=password),
        fingerprint=host.bmc.fingerprint,
        deadline_s=10,
    )


Begin = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    closing: list[Any] = []

    async def begun(*faults: str) -> Stage:
        plan = HallPlan.from_spec(catalogue.load("lab-4"), seed=7, faults=faults)
        settings = HallSettings(
            state=tmp_path / "hall", clock=RealClock(speed=10), namespaces=False
        )
        hall = Hall(plan=plan, settings=settings)
        await hall.start()
        closing.append(hall)
        told = json.loads((tmp_path / "hall" / "hall.json").read_text())["hosts"][0]
        store, now = fresh_store(tmp_path), SystemClock().now()
        fence = store.take_lease(
            "provisioning", "me", now=now, until=now + timedelta(days=1), alone=True
        )
        assert fence is not None
        stage = Stage(store, fence)
        access = BmcAccess(
            address=told["bmc"], fingerprint=told["fingerprint"], username=told["username"]
        )
        host = make_host(serial=told["serial"], bmc=access)
        sealed = stage.box.seal(host.id, BMC_PASSWORD, SecretStr(told["password"]))
        change = Change(insert=(host,), secrets={(host.id, BMC_PASSWORD): sealed})
        store.apply(change, now=now)
        return stage

    yield begun
    for hall in closing:
        await hall.stop()


async def test_a_rotated_password_is_new_and_the_old_one_opens_nothing(begin: Begin) -> None:
    stage = await begin()
    factory = stage.stored()
    stage.ask()
    await stage.life()
    assert stage.host.rotation == ""
    assert stage.host.bmc.revision == 1
    assert await stage.opens(stage.stored())
    assert not await stage.opens(factory)
    assert stage.told() == ["host.password-rotated"]


@pytest.mark.parametrize("credentials", ["own", "factory"])
async def test_killed_at_each_fault_point_a_stored_password_opens_the_bmc(
    begin: Begin, credentials: str
) -> None:
    stage = await begin()
    stage.ask(credentials=credentials)
    points = await stage.life()
    assert set(points) == WANTED_POINTS
    for die_at in range(1, len(points) + 1):
        before = stage.stored()
        stage.ask(credentials=credentials)
        assert len(await stage.life(die_at)) == die_at
        kept = (stage.stored(), stage.stored(PENDING_PASSWORD))
        assert any([await stage.opens(one) for one in kept]), points[die_at - 1]
        await stage.life()
        assert stage.host.rotation == "", points[die_at - 1]
        assert await stage.opens(stage.stored()), points[die_at - 1]
        assert not await stage.opens(before)
    assert set(stage.told()) == {"host.password-rotated"}


async def test_a_password_is_made_to_the_policy_of_the_bmc(begin: Begin) -> None:
    stage = await begin("password-policy@h1:length_min=14,length_max=16")
    stage.ask()
    await stage.life()
    assert len(stage.stored().get_secret_value()) == 16
    assert await stage.opens(stage.stored())


@pytest.mark.parametrize(("signs", "length"), [("-_.", 20), ("none", 20)])
async def test_the_signs_that_a_bmc_takes_are_learned_from_its_refusals(
    begin: Begin, signs: str, length: int
) -> None:
    stage = await begin(f"password-policy@h1:length_min=14,signs={signs}")
    stage.ask()
    await stage.life()
    made = stage.stored().get_secret_value()
    assert (stage.told(), len(made)) == (["host.password-rotated"], length)
    assert {one for one in made if not one.isalnum()} <= set(signs)
    assert await stage.opens(stage.stored())


async def test_a_factory_password_is_replaced_and_proven_to_open_nothing(begin: Begin) -> None:
    stage = await begin()
    factory = stage.stored()
    stage.ask(credentials="factory")
    await stage.life()
    assert (stage.host.bmc.credentials, stage.host.rotation) == ("own", "")
    assert stage.host.adoption.password_set_at is not None
    assert not await stage.opens(factory)
    assert await stage.opens(stage.stored())


async def test_a_bmc_that_takes_the_factory_password_as_well_is_not_done(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await begin()

    async def both(_self: Rotating, _host: Host, _name: str) -> bool:
        return True

    with monkeypatch.context() as patched:
        patched.setattr(Rotating, "_does_open", both)
        stage.ask(credentials="factory")
        with pytest.raises(FactoryPasswordOpen, match="still takes the factory one"):
            await stage.life()
    assert (stage.host.bmc.credentials, stage.host.rotation) == ("factory", "pending")
    await stage.life()
    assert (stage.host.bmc.credentials, stage.host.rotation) == ("own", "")


async def test_a_factory_password_that_cannot_be_replaced_parks_its_host(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await begin("password-policy@h1:length_min=14,length_max=16")
    monkeypatch.setattr(rotating, "generate", lambda _policy, _shape: SecretStr("weak"))
    stage.ask(credentials="factory")
    await stage.life()
    problem = stage.host.problem
    assert problem is not None
    assert (problem.kind, problem.parked) == ("factory-credentials", True)
    assert "podyard host bmc r1-h1 --password-file" in problem.remedy
    assert stage.host.bmc.credentials == "factory"
    assert await stage.opens(stage.stored())


async def test_a_refused_password_leaves_the_old_one_in_force(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await begin("password-policy@h1:length_min=14,length_max=16")
    monkeypatch.setattr(rotating, "generate", lambda _policy, _shape: SecretStr("weak"))
    stage.ask()
    await stage.life()
    assert (stage.host.rotation, stage.told()) == ("", ["host.password-kept"])
    assert await stage.opens(stage.stored())


@pytest.mark.parametrize("fault", ["lost-reply", "error-after-act"])
async def test_an_answer_that_is_lost_or_lies_is_settled_by_logging_in(
    begin: Begin, fault: str
) -> None:
    stage = await begin(f"{fault}@h1:path=Accounts")
    stage.ask()
    with pytest.raises(Ambiguous):
        await stage.life()
    assert stage.host.rotation == "pending"
    await stage.life()
    assert (stage.host.rotation, stage.told()) == ("", ["host.password-rotated"])
    assert await stage.opens(stage.stored())


async def test_a_held_host_keeps_its_password(begin: Begin) -> None:
    stage = await begin()
    before = stage.stored()
    stage.ask()
    await stage.life(held=True)
    assert stage.host.rotation == "asked"
    assert await stage.opens(before)


async def test_a_password_that_somebody_else_changed_needs_a_person(begin: Begin) -> None:
    stage = await begin()
    wrong = stage.box.seal(stage.host.id, BMC_PASSWORD, SecretStr("changed by somebody"))
    pending = stage.box.seal(stage.host.id, PENDING_PASSWORD, SecretStr("never set"))
    names = {(stage.host.id, BMC_PASSWORD): wrong, (stage.host.id, PENDING_PASSWORD): pending}
    half = stage.host.model_copy(update={"rotation": "pending"})
    stage.store.apply(Change(replace=(half,), secrets=names), now=SystemClock().now())
    with pytest.raises(CredentialsRefused, match="neither the current nor the pending") as caught:
        await stage.life()
    assert "podyard host bmc r1-h1" in caught.value.hint
    assert stage.host.rotation == "pending"


@pytest.mark.long
def test_the_service_killed_at_every_point_of_a_rotation_ends_with_another_password() -> None:
    """SIGKILL, again and again; between two lives a stored password opens the BMC."""
    with bed(speed=10.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        one.plan()
        one.kill_service()
        state = StateDirectory(one.directory / "service")
        store, box = SqlStore.open(state.database_url), SecretBox.existing(state.secret_key)
        host = next(h for h in store.find(Host) if h.name == "r1-h1")
        asked = host.model_copy(update={"rotation": "asked"})  # as the API writes it
        store.apply(Change(replace=(asked,)), now=SystemClock().now())
        died_at, deaths = one.directory / "died-at", 0
        while not rotated(store):
            process = one.start_service(kill_at=f"each:{died_at}", ready=False)
            one.wait(60, lambda p=process: p.poll() is not None or rotated(store))
            deaths += process.poll() == -signal.SIGKILL
            one.kill_service()
            kept = [store.secret(host.id, name) for name in (BMC_PASSWORD, PENDING_PASSWORD)]
            names = (BMC_PASSWORD, PENDING_PASSWORD)
            words = [box.unseal(host.id, n, k) for n, k in zip(names, kept, strict=True) if k]
            assert any(asyncio.run(opens(host, word)) for word in words), f"death {deaths}"
            assert deaths < DEATHS_MAX
        died = died_at.read_text().splitlines()
        points = {p for p, step, *_ in (line.split(" ") for line in died) if "rotation/" in step}
        assert points == {point.split(" ")[0] for point in WANTED_POINTS}
        assert deaths >= len([line for line in died if "rotation/" in line]) - 1
        kept_now = store.secret(host.id, BMC_PASSWORD)
        assert kept_now is not None
        factory = next(h["password"] for h in one.hall["hosts"] if h["name"] == "r1-h1")
        assert not asyncio.run(opens(host, SecretStr(factory)))
        assert asyncio.run(opens(host, box.unseal(host.id, BMC_PASSWORD, kept_now)))
        assert "host.parked" not in told_of(store)
        store.close()


async def opens(host: Host, password: SecretStr) -> bool:
    """Whether the host's BMC takes it, by a login of its own."""
    bmc = driver(host, password)
    try:
        await bmc.identity()
    except CredentialsRefused:
        return False
    finally:
        await bmc.close()
    return True


def told_of(store: SqlStore) -> list[str]:
    """The kinds of what happened to the host."""
    return [e.kind for e in store.events(limit=1000) if e.subject == "host:r1-h1"]


def rotated(store: SqlStore) -> bool:
    """It has its new password."""
    return "host.password-rotated" in told_of(store)
