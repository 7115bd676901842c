"""Who may speak for a host: proved on a real TLS connection, refused in every other case."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr

from inventory.agents import AcceptanceReport, DesiredState
from inventory.authority import Authority
from inventory.clock import SystemClock
from inventory.model import AgentSeen, Host
from inventory.states import HostState
from inventory.store.protocol import Change
from tests.integration.doors.conftest import Agent, Door
from tests.unit.inventory.records import make_facts, make_member, make_observed

pytestmark = pytest.mark.integration


def desired(reply: httpx.Response) -> DesiredState:
    assert reply.status_code == 200, reply.text
    return DesiredState.model_validate(reply.json()["desired"])


async def test_a_booted_host_enrols_once_and_speaks_for_itself(door: Door, agent: Agent) -> None:
    host, token, media_id = door.enrolled_host()
    assert (await door.enrol(agent, token, host.serial)).json()["host_id"] == host.id
    assert desired(await door.sync(agent)).generation == 0
    seen = door.store.get(AgentSeen, host.id)
    assert seen is not None
    assert seen.media_id == media_id
    assert seen.observed == make_observed()
    assert "host.enrolled-agent" in [e.kind for e in door.store.events()]
    assert door.woken == 2


async def test_without_a_certificate_nobody_speaks(door: Door) -> None:
    door.enrolled_host()
    assert (await door.sync(None)).status_code == 401


async def test_a_certificate_of_another_authority_ends_the_handshake(
    door: Door, agent: Agent
) -> None:
    host, _, _ = door.enrolled_host()
    now = SystemClock().now()
    stranger = Authority.open(door.directory / "stranger", now=now)
    forged = stranger.issue_client(agent.csr(), host_id=host.id, now=now)
    agent.certificate_path.write_bytes(forged.public_bytes(Encoding.PEM))
    with pytest.raises(httpx.TransportError):
        await door.sync(agent)
    assert door.store.get(AgentSeen, host.id) is None


async def test_the_controllers_own_certificate_is_no_agents(door: Door, agent: Agent) -> None:
    agent.certificate_path.write_bytes((door.directory / "keys/controller.pem").read_bytes())
    agent.key_path.write_bytes((door.directory / "keys/controller.key").read_bytes())
    with pytest.raises(httpx.TransportError):
        await door.sync(agent)


async def test_a_certificate_speaks_for_its_own_host_alone(
    door: Door, agent: Agent, other_agent: Agent
) -> None:
    first, first_token, _ = door.enrolled_host(1)
    second, second_token, _ = door.enrolled_host(2)
    await door.enrol(agent, first_token, first.serial)
    await door.enrol(other_agent, second_token, second.serial)
    await door.sync(agent, make_observed(boot_id="first"))
    await door.sync(other_agent, make_observed(boot_id="second"))
    seen = {h.name: door.store.get(AgentSeen, h.id) for h in (first, second)}
    assert {n: s.observed.boot_id for n, s in seen.items() if s and s.observed} == {
        "r1-h1": "first",
        "r1-h2": "second",
    }


async def test_a_header_cannot_claim_a_peer(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    seen = door.store.get(AgentSeen, host.id)
    assert seen is not None
    async with httpx.AsyncClient(verify=door.context(), trust_env=False) as client:
        reply = await client.post(
            f"{door.url}/agent/v1/sync",
            json={"observed": make_observed().model_dump(mode="json")},
            headers={"podyard.peer": host.id, "x-client-cert": seen.certificate_serial},
            extensions={"sni_hostname": "podyard-controller"},
        )
    assert reply.status_code == 401


async def test_a_token_that_was_spent_is_refused_and_told(
    door: Door, agent: Agent, other_agent: Agent
) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    before = door.store.get(AgentSeen, host.id)
    assert (await door.enrol(other_agent, token, host.serial)).status_code == 403
    assert door.store.get(AgentSeen, host.id) == before
    told = [e for e in door.store.events() if e.kind == "agent.enrol-refused"]
    assert [e.subject for e in told] == ["host:r1-h1"]
    assert token not in told[0].model_dump_json()
    assert (await door.sync(agent)).status_code == 200


async def test_a_lost_answer_may_be_asked_for_again_by_the_same_key(
    door: Door, agent: Agent
) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    agent.certificate_path.unlink()
    assert (await door.enrol(agent, token, host.serial)).status_code == 200
    assert (await door.sync(agent)).status_code == 200


async def test_once_an_agent_has_spoken_even_its_own_request_is_spent(
    door: Door, agent: Agent
) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    await door.sync(agent)
    assert (await door.enrol(agent, token, host.serial)).status_code == 403


async def test_an_expired_token_is_refused(door: Door, agent: Agent) -> None:
    host, token, media_id = door.enrolled_host()
    door.expire(host)
    assert (await door.enrol(agent, token, host.serial)).status_code == 403
    assert (await door.get(f"/boot/v1/media/{media_id}.iso")).status_code == 404
    assert door.store.get(AgentSeen, host.id) is None


async def test_a_token_does_not_open_another_host(door: Door, agent: Agent) -> None:
    _, token, _ = door.enrolled_host(1)
    second, _, _ = door.enrolled_host(2)
    assert (await door.enrol(agent, token, second.serial)).status_code == 403
    assert (await door.enrol(agent, token, "UNKNOWN")).status_code == 403
    assert (await door.enrol(agent, "x" * 43, second.serial)).status_code == 403


async def test_a_request_without_its_key_is_refused(door: Door) -> None:
    host, token, _ = door.enrolled_host()
    body = {"token": token, "serial": host.serial, "csr_pem": "nonsense"}
    reply = await door.post("/agent/v1/enrol", body)
    assert reply.status_code == 422
    assert door.store.get(AgentSeen, host.id) is None


async def test_the_certificate_of_an_earlier_boot_is_refused(
    door: Door, agent: Agent, other_agent: Agent
) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    await door.sync(agent, make_observed(boot_id="old"))
    again = door.boot_again(host)
    assert (await door.enrol(other_agent, again, host.serial)).status_code == 200
    assert (await door.sync(agent, make_observed(boot_id="old"))).status_code == 403
    assert (await door.sync(other_agent, make_observed(boot_id="new"))).status_code == 200
    seen = door.store.get(AgentSeen, host.id)
    assert seen is not None
    assert seen.observed is not None
    assert seen.observed.boot_id == "new"


async def test_the_medium_carries_the_token_that_enrols(door: Door, agent: Agent) -> None:
    host, token, media_id = door.enrolled_host()
    document = (await door.get(f"/boot/v1/media/{media_id}.iso")).json()
    assert (document["token"], document["serial"]) == (token, host.serial)
    assert document["controller"] == door.url.removeprefix("https://")
    assert (await door.get(f"/boot/v1/media/{'0' * 32}.iso")).status_code == 404
    reply = await door.enrol(agent, document["token"], document["serial"])
    assert reply.json()["ca_pem"] == document["ca_pem"]


async def test_firmware_is_served_by_its_digest_alone(door: Door) -> None:
    sha = "5443609952b87d8d0c08d89643d59d9250251ed83ee678090ba614c6bfffc495"
    reply = await door.get(f"/boot/v1/firmware/{sha}/h1/lab-bios-2.4.1.fw")
    assert reply.content.startswith(b"PODYARD-LAB-FIRMWARE ")
    for wrong in (f"{'0' * 64}/h1/lab-bios-2.4.1.fw", f"{sha}/h1/lab-bmc-1.8.0.fw"):
        assert (await door.get(f"/boot/v1/firmware/{wrong}")).status_code == 404
    assert (await door.get(f"/boot/v1/firmware/{sha}/h1/..%2f..%2fspec.py")).status_code in {
        404,
        422,
    }


async def test_an_unchanged_report_is_not_written_again(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    await door.sync(agent, make_observed(facts=make_facts()))
    before = door.store.get(AgentSeen, host.id)
    later = make_facts(observed_at=SystemClock().now())
    await door.sync(agent, make_observed(facts=later, usage={"cpu": 1.0}))
    assert door.store.get(AgentSeen, host.id) == before
    woken = door.woken
    report = AcceptanceReport(order_id="o", finished=False, progress="disk")
    await door.sync(agent, make_observed(facts=later, acceptance=report))
    assert door.store.get(AgentSeen, host.id) != before
    assert door.woken == woken + 1


async def test_an_accepting_host_is_told_its_tests(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host(
        state=HostState.ACCEPTING, acceptance_order="order-1", acceptance_round=2
    )
    await door.enrol(agent, token, host.serial)
    found = desired(await door.sync(agent))
    assert found.generation == 2_000_000
    assert found.acceptance is not None
    assert found.acceptance.order_id == "order-1"
    assert found.acceptance.tests == ("matrix_multiply", "memory_bandwidth", "disk_write")


async def test_a_ray_order_gets_its_token_on_the_way_out(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    sealed = door.box.seal("cluster-1", "ray-token", SecretStr("rt"))
    door.store.apply(
        Change(insert=(make_member(host),), secrets={("cluster-1", "ray-token"): sealed}),
        now=SystemClock().now(),
    )
    found = desired(await door.sync(agent))
    assert found.generation == 1
    assert found.ray is not None
    assert found.ray.token == "rt"


async def test_a_long_poll_answers_at_the_change(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    await door.sync(agent)
    started = time.monotonic()
    waiting = asyncio.create_task(door.sync(agent, wait_s=25.0))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    member = make_member(host, order=None, drain=True)
    door.store.apply(Change(insert=(member,)), now=SystemClock().now())
    found = desired(await waiting)
    assert (found.generation, found.drain) == (1, True)
    assert time.monotonic() - started < 20


async def test_a_long_poll_without_news_ends_when_its_time_is_up(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    assert desired(await door.sync(agent, wait_s=0.3)).generation == 0


async def test_a_forgotten_host_is_refused(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    current = door.store.get(Host, host.id)
    assert current is not None
    door.store.apply(Change(remove=(current,)), now=SystemClock().now())
    assert (await door.sync(agent)).status_code == 403


async def test_a_stopping_service_does_not_wait_for_long_polls(door: Door, agent: Agent) -> None:
    host, token, _ = door.enrolled_host()
    await door.enrol(agent, token, host.serial)
    waiting = asyncio.create_task(door.sync(agent, wait_s=30.0))
    await asyncio.sleep(0.5)
    started = time.monotonic()
    door.stop()
    assert desired(await waiting).generation == 0
    assert time.monotonic() - started < 8  # uvicorn itself would give it ten seconds


async def test_the_door_writes_down_when_a_medium_was_first_asked_for_after_power_on(
    door: Door,
) -> None:
    host, _, media_id = door.enrolled_host()
    # A BMC reads a medium because it was inserted: that tells nothing of the host.
    await door.get(f"/boot/v1/media/{media_id}.iso")
    before = door.store.get(Host, host.id)
    assert before is not None
    assert before.boot is not None
    assert before.boot.asked_at is None
    powered = before.boot.model_copy(update={"powered_at": door.clock.now()})
    on = before.model_copy(update={"boot": powered})
    door.store.apply(Change(replace=(on,)), now=door.clock.now())

    await door.get(f"/boot/v1/media/{media_id}.iso")
    once = door.store.get(Host, host.id)
    await door.get(f"/boot/v1/media/{media_id}.iso")

    assert once is not None
    assert once.boot is not None
    assert once.boot.asked_at is not None
    assert door.store.get(Host, host.id) == once
