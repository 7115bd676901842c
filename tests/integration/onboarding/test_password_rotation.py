"""A BMC's password rotated while the controller dies at every point; a real login is the judge.

The BMC is one of the simulated hall, over HTTPS. The controller dies by an exception that nothing
of the product catches, at each fault point of a whole rotation in turn; the test after it kills the
process for real.
"""

from __future__ import annotations

import asyncio
import signal

import pytest
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.clock import SystemClock
from inventory.model import Host
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from provisioning.errors import Ambiguous, CredentialsRefused
from provisioning.onboarding import rotating
from provisioning.onboarding.rotating import (
    PENDING_PASSWORD,
    FactoryPasswordOpen,
    Rotating,
)
from tests.bed import bed
from tests.integration.onboarding.stage import WANTED_POINTS, Begin, opens, told_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DEATHS_MAX = 100


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
@pytest.mark.timeout(1800)  # some twenty starts of the service, each 4 s on an idle machine
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


def rotated(store: SqlStore) -> bool:
    """It has its new password."""
    return "host.password-rotated" in told_of(store)
