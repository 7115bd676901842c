"""Correcting and forgetting hosts over the API, and adding hosts to a pod."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.model import AgentSeen, Claim, ComputeUnit, Host, Intent, Pod, Problem
from inventory.states import ClaimState, HostState, PowerState, UnitState
from inventory.store.protocol import Change
from pods.keys import SigningKey
from provisioning.certifying import certify
from provisioning.context import Context
from tests import make
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import (
    FINGERPRINT,
    NOW,
    make_boot,
    make_claim,
    make_facts,
    make_host,
    make_intent,
    make_pod,
    make_unit,
)

ASKED_ON = make_boot("m", "h", powered_at=NOW)
OTHER = "sha256:" + "cd" * 32
PATH = "/api/hosts/r1-h1/bmc"


def parked(kind: str, **fields: Any) -> Problem:
    return Problem(kind=kind, message="m", since=NOW, remedy="r", **fields)


def entry(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "name": f"r1-h{number}",
        "slot": f"r1-h{number}",
        "bmc": f"redfish+https://127.0.0.1:{9000 + number}",
        "fingerprint": FINGERPRINT,
        "username": "admin",
        "password": "hunter",
        "serial": f"LAB{number:09d}",
        **fields,
    }


async def test_a_new_password_is_sealed_and_never_told(site: Site, admin: str) -> None:
    site.put(make_host(problem=parked("credentials-refused")))
    reply = await site.ask("PATCH", PATH, {"password": "hunter2", "username": "root"}, key=admin)
    assert reply.status_code == 200, reply.text
    (host,) = site.store.find(Host)
    assert (host.bmc.username, host.bmc.revision, host.problem) == ("root", 1, None)
    sealed = site.store.secret(host.id, "bmc-password")
    assert sealed is not None
    assert site.box.unseal(host.id, "bmc-password", sealed).get_secret_value() == "hunter2"
    (event,) = site.store.events()
    assert (event.kind, event.why) == ("host.bmc-changed", "username, password")
    assert "hunter2" not in reply.text + event.model_dump_json()
    assert site.woken == 1


async def test_another_serial_is_registered_anew(site: Site, admin: str) -> None:
    site.put(make_host(uuid="u", facts=make_facts(), problem=parked("wrong-host")))
    assert (await site.ask("PATCH", PATH, {"serial": "NEW1"}, key=admin)).status_code == 200
    (host,) = site.store.find(Host)
    assert (host.serial, host.uuid, host.facts, host.problem) == ("NEW1", "", None, None)
    assert host.register_again


@pytest.mark.parametrize(
    ("body", "kind", "cured"),
    [
        ({"fingerprint": OTHER}, "certificate-changed", True),
        ({"address": "redfish+https://10.0.0.9"}, "wrong-host", True),
        ({"username": "root"}, "credentials-refused", True),
        ({"fingerprint": OTHER}, "acceptance-failed", False),
        ({"username": "root"}, "wrong-host", False),
    ],
)
async def test_only_a_problem_that_it_can_end_is_forgotten(
    site: Site, admin: str, body: dict[str, str], kind: str, *, cured: bool
) -> None:
    site.put(make_host(problem=parked(kind)))
    assert (await site.ask("PATCH", PATH, body, key=admin)).status_code == 200
    assert (site.store.find(Host)[0].problem is None) == cured


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, None),
        ({"address": "http://10.0.0.1"}, "address"),
        ({"address": "redfish+https://me:secret@10.0.0.1"}, "address"),
        ({"fingerprint": "sha256:12"}, "fingerprint"),
        ({"password": ""}, "password"),
        ({"serial": "a b"}, "serial"),
        ({"pasword": "secret"}, "pasword"),
    ],
)
async def test_a_wrong_correction_changes_nothing(
    site: Site, admin: str, body: dict[str, str], path: str | None
) -> None:
    site.put(make_host())
    reply = await site.ask("PATCH", PATH, body, key=admin)
    assert reply.status_code == 422
    error = reply.json()["error"]
    assert error.get("path") == path
    assert error["hint"]
    assert "secret" not in reply.text
    assert site.store.find(Host) == [make_host()]
    assert site.store.events() == []


@pytest.mark.parametrize(
    "body", [{"serial": "LAB000000002"}, {"address": "redfish+https://127.0.0.1:9002"}]
)
async def test_what_another_host_has_is_a_conflict(
    site: Site, admin: str, body: dict[str, str]
) -> None:
    site.put(make_host(1), make_host(2))
    reply = await site.ask("PATCH", PATH, body, key=admin)
    assert reply.status_code == 409
    assert reply.json()["error"]["hint"].endswith("podyard host forget r1-h2 first")


async def test_a_viewer_changes_nothing(site: Site) -> None:
    site.put(make_host())
    viewer = site.key("viewer")
    for method, path in (("PATCH", PATH), ("DELETE", "/api/hosts/r1-h1")):
        reply = await site.ask(method, path, {"serial": "X"}, key=viewer)
        assert reply.status_code == 403


async def test_a_forgotten_host_leaves_nothing_but_events(site: Site, admin: str) -> None:
    host = make_host(state=HostState.RETIRED, target="retired")
    agent = AgentSeen(
        host_id=host.id, media_id="m", certificate_serial="c", enrolled_at=NOW, seen_at=NOW
    )
    site.put(make_pod(), host, agent, make_unit(state=UnitState.WITHDRAWN))
    site.put(make_intent(state="done"))
    await site.ask("PATCH", "/api/hosts/r1-h1/bmc", {"password": "p"}, key=admin)
    reply = await site.ask("DELETE", "/api/hosts/r1-h1", key=admin)
    assert reply.status_code == 200
    assert reply.json()["units"] == ["r1-h1-u0"]
    for kind in (Host, AgentSeen, Intent):
        assert site.store.count(kind) == 0
    assert site.store.secret(host.id, "bmc-password") is None
    assert site.store.count(ComputeUnit) == 0
    assert [e.kind for e in site.store.events()] == ["host.forgotten"]
    added = await site.ask("POST", "/api/pods/lab/hosts", {"hosts": [entry(1)]}, key=admin)
    assert added.status_code == 201, added.text
    (fresh,) = site.store.find(Host)
    assert (fresh.serial, fresh.slot, fresh.simulated) == (host.serial, host.slot, True)
    assert fresh.id != host.id
    assert site.store.secret(fresh.id, "bmc-password") is not None


async def test_a_new_host_under_a_forgotten_name_gets_a_unit(
    site: Site, admin: str, tmp_path: Path
) -> None:
    key = SigningKey.generate(tmp_path / "k", purpose="simulated")
    context = Context(
        pod=make.make_pod(),
        spec=make.lab(),
        wanted=make.make_wanted(),
        agent=None,
        intents=(),
        units=(),
    )
    seen = make.make_seen(
        agent=make.make_agent(acceptance=make.make_report()), facts=make.make_facts()
    )

    def certified() -> ComputeUnit:
        (host,) = site.store.find(Host)
        measured = make.make_host(id=host.id, name=host.name)
        made = certify(measured, seen, context, key=key, now=NOW)
        new, old = made.unit_change(site.store.find(ComputeUnit))
        site.store.apply(Change(insert=new, replace=old), now=NOW)
        return made.unit

    site.put(make_pod(), make_host(state=HostState.RETIRED, target="retired"))
    first = certified()
    withdrawn = first.model_copy(update={"state": UnitState.WITHDRAWN})
    site.store.apply(Change(replace=(withdrawn,)), now=NOW)
    gone = await site.ask("DELETE", "/api/hosts/r1-h1", key=admin)
    assert gone.status_code == 200, gone.text
    await site.ask("POST", "/api/pods/lab/hosts", {"hosts": [entry(1)]}, key=admin)

    second = certified()

    assert (second.name, site.store.find(ComputeUnit)) == (first.name, [second])
    assert second.id != first.id


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"state": HostState.READY}, "at-work"),
        ({"state": HostState.MATCHING}, "at-work"),
        (
            {
                "state": HostState.BOOTING,
                "problem": parked("boot-failed"),
                "power": PowerState.ON,
            },
            "powered",
        ),
        ({"state": HostState.REPAIRING, "power": PowerState.ON}, "powered"),
        ({"state": HostState.REPAIRING}, "powered"),
        ({"state": HostState.REPAIRING, "power": PowerState.POWERING_OFF}, "powered"),
        ({"state": HostState.REPAIRING, "power": PowerState.OFF, "boot": ASKED_ON}, "powered"),
        ({"state": HostState.REPAIRING, "power": PowerState.OFF, "reserved_watts": 21}, "powered"),
        ({"state": HostState.ENROLLED, "reserved_watts": 21}, "powered"),
        ({"state": HostState.RETIRED, "power": PowerState.ON}, "powered"),
    ],
)
async def test_a_host_at_work_or_running_is_not_forgotten(
    site: Site, admin: str, fields: dict[str, Any], kind: str
) -> None:
    site.put(make_pod(), make_host(**fields))
    reply = await site.ask("DELETE", "/api/hosts/r1-h1", key=admin)
    assert reply.status_code == 409
    assert reply.json()["error"]["kind"] == kind
    assert "podyard host want r1-h1 retired" in reply.json()["error"]["hint"]
    assert site.store.count(Host) == 1


@pytest.mark.parametrize("lagging", [False, True])
async def test_a_host_whose_unit_is_claimed_is_not_forgotten(
    site: Site, admin: str, *, lagging: bool
) -> None:
    unit = make_unit(state=UnitState.CLAIMED, claim="" if lagging else "claim-1")
    claim: Claim = make_claim(state=ClaimState.BOUND, unit_ids=(unit.id,))
    site.put(make_host(state=HostState.RETIRED), unit, claim)
    reply = await site.ask("DELETE", "/api/hosts/r1-h1?even_if_on=true", key=admin)
    assert (reply.status_code, reply.json()["error"]["kind"]) == (409, "held")
    assert "claim-1" in reply.json()["error"]["message"]


@pytest.mark.parametrize("state", [HostState.ENROLLED, HostState.REPAIRING])
async def test_a_host_known_to_be_off_is_forgotten_as_it_is(
    site: Site, admin: str, state: HostState
) -> None:
    power = PowerState.UNKNOWN if state is HostState.ENROLLED else PowerState.OFF
    site.put(make_pod(), make_host(state=state, power=power, reserved_watts=20))
    reply = await site.ask("DELETE", "/api/hosts/r1-h1", key=admin)
    assert reply.status_code == 200, reply.text
    (event,) = site.store.events()
    assert event.why == "serial LAB000000001, pod lab"


async def test_a_running_host_is_forgotten_only_when_that_is_said_and_recorded(
    site: Site, admin: str
) -> None:
    problem = parked("wrong-host")
    site.put(make_host(state=HostState.REGISTERING, problem=problem, power=PowerState.ON))
    reply = await site.ask("DELETE", "/api/hosts/r1-h1?even_if_on=true", key=admin)
    assert reply.status_code == 200
    (event,) = site.store.events()
    assert "On when it was last seen" in event.why


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        ({"hosts": [entry(3, slot="r1-h1", serial="S", name="x")]}, "hosts.0.slot", 422),
        ({"hosts": [entry(3, slot="r9-h1")]}, "hosts.0.slot", 422),
        ({"hosts": [entry(3, fingerprint="x")]}, "hosts.0.fingerprint", 422),
        ({"hosts": [entry(3)], "simulated": False}, "simulated", 422),
        ({"hosts": [entry(3, serial="LAB000000001")]}, "hosts.0.serial", 409),
        ({"hosts": [entry(3, name="r1-h1")]}, "hosts.0.name", 409),
    ],
)
async def test_added_hosts_are_checked_like_a_pod(
    site: Site, admin: str, body: dict[str, Any], path: str, status: int
) -> None:
    site.put(make_pod(), make_host(1))
    reply = await site.ask("POST", "/api/pods/lab/hosts", body, key=admin)
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]["path"] == path
    assert (site.store.count(Host), site.store.get(Pod, "lab")) == (1, make_pod())


async def test_repair_needs_a_reason_and_retry_ends_it(site: Site, admin: str) -> None:
    site.put(make_host(state=HostState.READY))
    path = "/api/hosts/r1-h1/target"
    reply = await site.ask("POST", path, {"target": "repairing"}, key=admin)
    assert (reply.status_code, reply.json()["error"]["path"]) == (422, "why")
    await site.ask("POST", path, {"target": "repairing", "why": "fan 2"}, key=admin)
    (host,) = site.store.find(Host)
    assert (host.target, host.maintenance, host.state) == ("repairing", "fan 2", HostState.READY)
    await site.ask("POST", "/api/hosts/r1-h1/retry", key=admin)
    (host,) = site.store.find(Host)
    assert (host.target, host.maintenance) == ("ready", "")
    told = [(e.kind, e.old, e.new, e.why) for e in site.store.events()]
    assert told == [
        ("host.target", "ready", "repairing", "fan 2"),
        ("host.retry", "repairing", "ready", ""),
    ]


async def test_a_retired_host_stays_retired(site: Site, admin: str) -> None:
    site.put(make_host(state=HostState.RETIRED, target="retired"))
    wanted = await site.ask("POST", "/api/hosts/r1-h1/target", {"target": "ready"}, key=admin)
    corrected = await site.ask("PATCH", PATH, {"serial": "X"}, key=admin)
    for reply in (wanted, corrected):
        assert (reply.status_code, reply.json()["error"]["kind"]) == (409, "retired")
        assert "podyard host forget r1-h1" in reply.json()["error"]["hint"]
