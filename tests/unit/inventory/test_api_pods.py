"""Pods over the API: all or nothing, planned from facts, approved by digest."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory.model import Host, Pod, Problem
from inventory.places import Rack
from inventory.places import Site as Place
from inventory.states import HostState, PowerState
from inventory.store.protocol import Change
from pods import catalogue
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import FINGERPRINT, NOW, make_facts, make_host, make_pod


def given_host(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "name": f"r1-h{number}",
        "slot": f"r1-h{number}",
        "bmc": f"redfish+https://127.0.0.1:{9000 + number}",
        "fingerprint": FINGERPRINT,
        "username": "admin",
        "password": f"hunter{number}",
        "serial": f"LAB{number}",
        "uuid": "11111111-2222-4333-8444-555555555555",
        "mac": "02:00:00:00:00:01",
        **fields,
    }


def given_pod(**fields: Any) -> dict[str, Any]:
    hosts = [given_host(n) for n in (1, 2, 3, 4)]
    return {"name": "lab", "spec": "lab-4", "hosts": hosts, "simulated": True, **fields}


async def test_applying_enrols_every_host_with_a_sealed_password(site: Site, admin: str) -> None:
    reply = await site.ask("POST", "/api/pods", given_pod(), key=admin)
    assert reply.status_code == 201
    hosts = site.store.find(Host)
    assert {h.state for h in hosts} == {HostState.ENROLLED}
    assert {(h.target, h.reserved_watts, h.uuid, h.wake_at) for h in hosts} == {
        ("ready", 20, "", NOW)
    }
    for host in hosts:
        sealed = site.store.secret(host.id, "bmc-password")
        assert sealed is not None
        assert b"hunter" not in sealed
        opened = site.box.unseal(host.id, "bmc-password", sealed)
        assert opened.get_secret_value() == f"hunter{host.name[-1]}"
    assert site.woken == 1
    assert "hunter" not in reply.text
    told = "".join(e.model_dump_json() for e in site.store.events())
    assert "hunter" not in told


async def test_a_pod_may_come_before_its_hosts(site: Site, admin: str) -> None:
    """They are expected, and enrolled when their BMCs are found."""
    reply = await site.ask("POST", "/api/pods", given_pod(hosts=[]), key=admin)
    assert reply.status_code == 201, reply.text
    assert (site.store.count(Pod), site.store.count(Host)) == (1, 0)


async def test_a_whole_spec_is_taken_as_it_is(site: Site, admin: str) -> None:
    spec = catalogue.load("lab-4").model_copy(update={"name": "mine"})
    body = given_pod(spec=json.loads(spec.model_dump_json()))
    reply = await site.ask("POST", "/api/pods", body, key=admin)
    assert reply.json()["spec_digest"] == spec.digest()


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "spec": ({"spec": "lab-5"}, "spec", "lab-5"),
    "file": ({"spec": "/etc/passwd"}, "spec", "/etc/passwd"),
    "slot": ({"hosts": [given_host(1, slot="r9")]}, "hosts.0.slot", "r9"),
    "twice": (
        {"hosts": [given_host(1), given_host(2, slot="r1-h1")]},
        "hosts.1.slot",
        "r1-h1",
    ),
    "serial": ({"hosts": [given_host(1), given_host(2, serial="LAB1")]}, "hosts.1.serial", "LAB1"),
    "scheme": ({"hosts": [given_host(1, bmc="http://10.0.0.1")]}, "hosts.0.bmc", "http://10.0.0.1"),
    "user": (
        {"hosts": [given_host(1, bmc="redfish+https://me:pw@10.0.0.1")]},
        "hosts.0.bmc",
        "redfish+https://10.0.0.1",
    ),
    "unpinned": ({"hosts": [given_host(1, fingerprint="")]}, "hosts.0.fingerprint", ""),
    "unpinned ssh": (
        {"hosts": [given_host(1, bmc="ssh://10.0.0.1", fingerprint="")]},
        "hosts.0.fingerprint",
        "",
    ),
    "path": (
        {"hosts": [given_host(1, bmc="ipmi://10.0.0.1/redfish/v1/Systems/1")]},
        "hosts.0.bmc",
        "ipmi://10.0.0.1/redfish/v1/Systems/1",
    ),
    "pin": ({"hosts": [given_host(1, fingerprint="ab:cd")]}, "hosts.0.fingerprint", "ab:cd"),
    "root": (
        {
            "simulated": False,
            "hosts": [given_host(1, bmc="redfish+https://10.0.0.1", root="/var/lib/hall/h1")],
        },
        "hosts.0.root",
        "/var/lib/hall/h1",
    ),
    "name": ({"hosts": [given_host(1, name="R1 H1")]}, "hosts.0.name", "'R1 H1'"),
    "pod": ({"name": "../x"}, "name", "'../x'"),
}


@pytest.mark.parametrize(("change", "path", "value"), WRONG.values(), ids=WRONG.keys())
async def test_what_is_wrong_is_named_and_nothing_is_created(
    site: Site, admin: str, change: dict[str, Any], path: str, value: str
) -> None:
    reply = await site.ask("POST", "/api/pods", given_pod(**change), key=admin)
    assert reply.status_code == 422, reply.text
    error = reply.json()["error"]
    assert (error["path"], error["value"]) == (path, value)
    assert error["hint"]
    assert "pw" not in reply.text
    assert "hunter" not in reply.text
    assert (site.store.count(Pod), site.store.count(Host), site.store.events()) == (0, 0, [])


@pytest.mark.parametrize(
    "given",
    [
        {"bmc": "ipmi://10.0.0.1", "fingerprint": ""},
        {"bmc": "ipmi://10.0.0.1:6230", "fingerprint": FINGERPRINT},
        {"bmc": "ssh://10.0.0.1"},
        {"bmc": "redfish+https://10.0.0.1/redfish/v1/Systems/1"},
    ],
    ids=lambda given: given["bmc"],
)
async def test_every_kind_of_address_can_be_enrolled(
    site: Site, admin: str, given: dict[str, Any]
) -> None:
    body = given_pod(hosts=[given_host(1, **given), *(given_host(n) for n in (2, 3, 4))])
    reply = await site.ask("POST", "/api/pods", body, key=admin)
    assert reply.status_code == 201, reply.text
    assert given["bmc"] in {host.bmc.address for host in site.store.find(Host)}


async def test_a_wrong_whole_spec_is_explained_with_paths(site: Site, admin: str) -> None:
    spec = json.loads(catalogue.load("lab-4").model_dump_json())
    spec["feeds"]["a"]["volts"] = "230 V"
    del spec["unit"]
    reply = await site.ask("POST", "/api/pods", given_pod(spec=spec), key=admin)
    assert reply.status_code == 422
    error = reply.json()["error"]
    paths = {error["path"].removeprefix("spec."), *(o["path"] for o in error["others"])}
    assert {"feeds.a.volts", "unit"} <= paths


async def test_a_wrong_password_is_never_echoed(site: Site, admin: str) -> None:
    body = given_pod(hosts=[given_host(1, password={"value": "hunter2"})])
    reply = await site.ask("POST", "/api/pods", body, key=admin)
    assert reply.status_code == 422
    assert "hunter2" not in reply.text


async def test_a_host_on_record_makes_the_whole_pod_a_conflict(site: Site, admin: str) -> None:
    site.put(make_host(7, name="elsewhere", serial="LAB3"))
    reply = await site.ask("POST", "/api/pods", given_pod(), key=admin)
    assert reply.status_code == 409
    assert reply.json()["error"]["path"] == "hosts.2.serial"
    assert (site.store.count(Pod), site.store.count(Host)) == (0, 1)


async def test_a_pod_is_applied_once(site: Site, admin: str) -> None:
    await site.ask("POST", "/api/pods", given_pod(), key=admin)
    assert (await site.ask("POST", "/api/pods", given_pod(), key=admin)).status_code == 409


def inspected(site: Site, *, parked: int = 0) -> None:
    """The lab pod after inspection; host `parked` never answered."""
    problem = Problem(kind="bmc-refused", message="wrong password", since=NOW, remedy="correct it")
    hosts = [
        make_host(n, state=HostState.INSPECTING, problem=problem)
        if n == parked
        else make_host(n, state=HostState.MATCHING, facts=make_facts(), power=PowerState.OFF)
        for n in (1, 2, 3, 4)
    ]
    site.put(make_pod(), *hosts)


async def test_a_plan_waits_for_inspection_and_names_who_is_missing(site: Site, admin: str) -> None:
    site.put(make_pod(), make_host(1, state=HostState.MATCHING, facts=make_facts()), make_host(2))
    reply = await site.ask("GET", "/api/pods/lab/plan", key=admin)
    assert reply.status_code == 409
    error = reply.json()["error"]
    assert error["kind"] == "not-inspected"
    assert "r1-h2" in error["message"]
    assert "r1-h1" not in error["message"]


async def test_who_is_still_inspected_is_counted_and_only_the_first_are_named(
    site: Site, admin: str
) -> None:
    coming = [make_host(n, state=HostState.INSPECTING) for n in range(10, 22)]
    elsewhere = make_host(30, state=HostState.INSPECTING, target="enrolled")
    site.put(make_pod(), *coming, elsewhere, make_host(9, state=HostState.REGISTERING))
    reply = await site.ask("GET", "/api/pods/lab/plan", key=admin)
    message = reply.json()["error"]["message"]
    assert message.startswith("13 hosts are still being inspected: ")
    assert message.count("r1-h") == 10
    assert message.endswith(" …")


@pytest.mark.parametrize(
    ("in_state_s", "inspected", "troubled", "waits"),
    [
        (61, 9, True, False),
        (59, 9, True, True),  # also one that only came to a pod of long ago
        (61, 8, True, True),  # less than nine in ten: it is not the last one
        (61, 9, False, True),  # it is only slow
    ],
)
async def test_the_last_host_in_ten_is_not_waited_for_through_ever_new_trouble(
    site: Site, admin: str, *, in_state_s: int, inspected: int, troubled: bool, waits: bool
) -> None:
    now = NOW + timedelta(hours=1)
    site.clock.moment = now
    trouble = Problem(kind="bmc-timeout", message="silent", since=now, next_at=now)
    last = {
        "state": HostState.INSPECTING,
        "state_since": now - timedelta(seconds=in_state_s),
        "problem": trouble if troubled else None,
    }
    read = {"state": HostState.MATCHING, "facts": make_facts()}
    site.put(
        make_pod(), *(make_host(n, **(read if n <= inspected else last)) for n in range(1, 11))
    )
    reply = await site.ask("GET", "/api/pods/lab/plan", key=admin)
    # The lab pod has no slots for ten hosts, which the plan itself would refuse.
    refused = reply.json()["error"]["kind"]
    assert (refused == "not-inspected") is waits, reply.text


async def test_a_host_to_be_read_again_is_waited_for(site: Site, admin: str) -> None:
    inspected(site)
    await site.ask("POST", "/api/hosts/r1-h1/retry", key=admin)
    assert (await site.ask("GET", "/api/pods/lab/plan", key=admin)).status_code == 409


async def test_the_approved_plan_is_the_one_that_was_shown(site: Site, admin: str) -> None:
    inspected(site)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()
    assert shown["approved"] is False
    before = {h.id: h.version for h in site.store.find(Host)}
    digest = {"digest": shown["plan"]["digest"]}
    reply = await site.ask("POST", "/api/pods/lab/up", digest, key=admin)
    assert reply.status_code == 200
    pod = site.store.get(Pod, "lab")
    assert pod is not None
    assert pod.plan is not None
    assert (pod.plan.digest, pod.bring_up) == (digest["digest"], "running")
    assert pod.approval is not None
    assert pod.approval.plan_digest == digest["digest"]
    assert [event.actor for event in site.store.events()] == [pod.approval.by]
    # A step that read the unapproved pod must not record that it still waits.
    assert all(h.version == before[h.id] + 1 for h in site.store.find(Host))
    assert site.woken == 1


async def test_approving_again_is_no_error_and_no_event(site: Site, admin: str) -> None:
    inspected(site)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()
    body = {"digest": shown["plan"]["digest"]}
    for _ in range(2):
        assert (await site.ask("POST", "/api/pods/lab/up", body, key=admin)).status_code == 200
        (host, *_) = site.store.find(Host, name="r1-h1")
        powered = host.model_copy(update={"power": PowerState.ON})
        site.store.apply(Change(replace=(powered,)), now=NOW)
    assert [e.kind for e in site.store.events()] == ["pod.up"]


async def test_a_plan_that_changed_is_not_approved(site: Site, admin: str) -> None:
    inspected(site)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()
    (host,) = site.store.find(Host, name="r1-h2")
    behind = make_facts(firmware={"BIOS": "2.4.0", "BMC": "1.8.0"})
    site.store.apply(Change(replace=(host.model_copy(update={"facts": behind}),)), now=NOW)
    body = {"digest": shown["plan"]["digest"]}
    reply = await site.ask("POST", "/api/pods/lab/up", body, key=admin)
    assert reply.status_code == 409
    assert reply.json()["error"]["kind"] == "plan-changed"
    pod = site.store.get(Pod, "lab")
    assert pod is not None
    assert pod.plan is None


async def test_a_dead_host_is_left_out_and_named(site: Site, admin: str) -> None:
    inspected(site, parked=3)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()
    planned = {name for wave in shown["plan"]["waves"] for name in wave["hosts"]}
    assert planned == {"r1-h1", "r1-h2", "r1-h4"}
    assert shown["left_out"] == [
        {"host": "r1-h3", "reason": "wrong password", "remedy": "correct it"}
    ]


async def test_hold_stops_and_up_goes_on(site: Site, admin: str) -> None:
    inspected(site)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()
    body = {"digest": shown["plan"]["digest"]}
    await site.ask("POST", "/api/pods/lab/up", body, key=admin)
    held = await site.ask("POST", "/api/pods/lab/hold", key=admin)
    assert held.json()["bring_up"] == "held"
    again = await site.ask("POST", "/api/pods/lab/up", body, key=admin)
    assert again.json()["bring_up"] == "running"
    assert held.json()["approval"]
    assert again.json()["approval"] == held.json()["approval"]


async def test_a_pod_page_counts_its_hosts(site: Site, admin: str) -> None:
    inspected(site, parked=3)
    pod = (await site.ask("GET", "/api/pods/lab", key=admin)).json()
    assert pod["hosts_by_state"] == {"inspecting": 1, "matching": 3}
    assert pod["parked"] == ["r1-h3"]


async def test_a_plan_does_not_wait_for_a_dead_bmc(site: Site, admin: str) -> None:
    dead = Problem(
        kind="bmc-unreachable", message="no answer", since=NOW, next_at=NOW + timedelta(hours=1)
    )
    site.put(
        make_pod(),
        make_host(1, state=HostState.MATCHING, facts=make_facts(), power=PowerState.OFF),
        make_host(2, state=HostState.REGISTERING, problem=dead),
    )
    assert (await site.ask("GET", "/api/pods/lab/plan", key=admin)).status_code == 409
    site.clock.moment = NOW + timedelta(seconds=61)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()
    assert [one["host"] for one in shown["left_out"]] == ["r1-h2"]
    assert [wave["hosts"] for wave in shown["plan"]["waves"]] == [["r1-h1"]]


async def test_a_plan_does_not_wait_for_troubles_that_take_turns(site: Site, admin: str) -> None:
    site.clock.moment = NOW + timedelta(seconds=181)
    newest = Problem(kind="bmc-busy", message="busy", since=NOW + timedelta(seconds=175))
    at_work = make_host(3, state=HostState.INSPECTING, state_since=NOW)
    site.put(
        make_pod(),
        make_host(1, state=HostState.MATCHING, facts=make_facts(), power=PowerState.OFF),
        make_host(2, state=HostState.INSPECTING, problem=newest, state_since=NOW),
        at_work,
    )
    asked = await site.ask("GET", "/api/pods/lab/plan", key=admin)
    assert asked.status_code == 409
    assert "1 hosts are still being inspected: r1-h3" in asked.text
    site.store.apply(Change(remove=(at_work,)), now=NOW)
    shown = (await site.ask("GET", "/api/pods/lab/plan", key=admin)).json()
    assert [one["host"] for one in shown["left_out"]] == ["r1-h2"]


def hall_root(directory: Path, name: str = "r1-h1") -> Path:
    root = directory.resolve() / "hosts" / name / "root"
    root.mkdir(parents=True)
    return root


async def apply_with(site: Site, key: str, root: Path | str) -> httpx.Response:
    body = given_pod(hosts=[given_host(1, root=str(root))])
    return await site.ask("POST", "/api/pods", body, key=key)


async def test_a_simulated_host_keeps_its_root_of_the_hall(
    site: Site, admin: str, tmp_path: Path
) -> None:
    root = hall_root(tmp_path)
    assert (await apply_with(site, admin, root)).status_code == 201
    assert [host.root for host in site.store.find(Host)] == [str(root)]


def wrong_roots(directory: Path) -> dict[str, str]:
    there = directory.resolve()
    root = hall_root(there)
    for name in ("link", "file"):
        (there / name / "hosts" / "r1-h1").mkdir(parents=True)
    (there / "link/hosts/r1-h1/root").symlink_to(root)
    (there / "file/hosts/r1-h1/root").touch()
    (there / "linked-parent").symlink_to(there)
    return {
        "relative": "hosts/r1-h1/root",
        "another": str(hall_root(there, "r1-h2")),
        "absent": str(there / "absent/hosts/r1-h1/root"),
        "dots": f"{there}/hosts/../hosts/r1-h1/root",
        "link": str(there / "link/hosts/r1-h1/root"),
        "linked-parent": str(there / "linked-parent/hosts/r1-h1/root"),
        "file": str(there / "file/hosts/r1-h1/root"),
        "nul": f"/\0{root}",
    }


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("relative", "absolute"),
        ("another", "ends in /hosts/r1-h1/root"),
        ("absent", "cannot be looked at"),
        ("dots", "symbolic link"),
        ("link", "symbolic link"),
        ("linked-parent", "symbolic link"),
        ("file", "not a folder"),
        ("nul", "absolute"),
    ],
)
async def test_no_other_folder_becomes_a_hosts_root(
    site: Site, admin: str, tmp_path: Path, wrong: str, why: str
) -> None:
    reply = await apply_with(site, admin, wrong_roots(tmp_path)[wrong])
    error = reply.json()["error"]
    assert (reply.status_code, error["path"]) == (422, "hosts.0.root")
    assert why in error["message"]
    assert site.store.count(Host) == 0


async def test_a_root_of_another_user_is_refused(
    site: Site, admin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = hall_root(tmp_path)
    monkeypatch.setattr("inventory.applying.os.geteuid", lambda: root.stat().st_uid + 1)
    reply = await apply_with(site, admin, root)
    assert reply.status_code == 422
    assert "own user" in reply.json()["error"]["message"]


async def test_applying_a_pod_describes_its_places(site: Site, admin: str) -> None:
    assert (await site.ask("POST", "/api/pods", given_pod(), key=admin)).status_code == 201
    (feed,) = (await site.ask("GET", "/api/feeds", key=admin)).json()["results"]
    assert (feed["name"], feed["racks"], feed["continuous_watts"]) == ("a", ["r1"], 3680.0)
    (rack,) = (await site.ask("GET", "/api/racks", key=admin)).json()["results"]
    assert (rack["name"], rack["pod"], rack["height_units"]) == ("r1", "lab", 42)
    sites = (await site.ask("GET", "/api/sites", key=admin)).json()["results"]
    assert [one["name"] for one in sites] == ["here"]
    (host,) = (await site.ask("GET", "/api/hosts?name=r1-h1", key=admin)).json()["results"]
    assert host["position"] == 1


async def test_what_a_site_knows_already_is_left_as_it_is(site: Site, admin: str) -> None:
    site.put(Place(name="here", title="Home"), Rack(id="k", name="r1", site="here", serial="S"))
    assert (await site.ask("POST", "/api/pods", given_pod(), key=admin)).status_code == 201
    (rack,) = (await site.ask("GET", "/api/racks", key=admin)).json()["results"]
    assert (rack["id"], rack["serial"]) == ("k", "S")
    assert (await site.ask("GET", "/api/sites/here", key=admin)).json()["title"] == "Home"


async def test_hosts_of_any_pods_are_enrolled_in_one_request(site: Site, admin: str) -> None:
    site.put(make_pod(), make_pod(name="lab2"))
    items = [
        {**given_host(1), "pod": "lab"},
        {**given_host(2), "pod": "lab2", "slot": "r1-h2"},
    ]
    reply = await site.ask("POST", "/api/hosts", items, key=admin)
    assert reply.status_code == 201, reply.text
    assert [(one["name"], one["pod"]) for one in reply.json()] == [
        ("r1-h1", "lab"),
        ("r1-h2", "lab2"),
    ]
    assert "hunter" not in reply.text
    hosts = (await site.ask("GET", "/api/hosts?ordering=name", key=admin)).json()["results"]
    assert hosts == reply.json()


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({**given_host(2), "pod": "nowhere"}, "1.pod"),
        ({**given_host(2, slot="r9-h9"), "pod": "lab"}, "1.slot"),
        ({**given_host(2, serial="LAB1"), "pod": "lab"}, "1.serial"),
        ({**given_host(2, bmc="http://x"), "pod": "lab"}, "1.bmc"),
        ({**given_host(2)}, "1.pod"),
    ],
)
async def test_one_wrong_host_of_a_list_keeps_all_out(
    site: Site, admin: str, item: dict[str, Any], path: str
) -> None:
    site.put(make_pod())
    items = [{**given_host(1), "pod": "lab"}, item]
    reply = await site.ask("POST", "/api/hosts", items, key=admin)
    assert (reply.status_code, reply.json()["error"]["path"]) == (422, path)
    assert site.store.count(Host) == 0


async def test_hosts_never_come_into_a_site_or_rack_that_went_meanwhile(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rack = Rack(id="rack-1", site="here", name="r1")
    site.put(Place(name="here"), rack)
    apply = site.store.apply

    def racing(change: Change, **given: Any) -> None:
        if change.insert and site.store.get(Rack, "rack-1"):
            apply(Change(remove=(rack, Place(name="here"))), **given)
        apply(change, **given)

    monkeypatch.setattr(site.store, "apply", racing)
    reply = await site.ask("POST", "/api/pods", given_pod(site="here"), key=admin)
    assert reply.status_code == 409
    assert "is not there any more" in reply.json()["error"]["message"]
    assert site.store.count(Host) == site.store.count(Pod) == 0
    again = await site.ask("POST", "/api/pods", given_pod(site="here"), key=admin)
    assert again.status_code == 201, again.text
