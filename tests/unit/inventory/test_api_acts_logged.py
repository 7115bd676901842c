"""The change log of acts: what somebody set by retrying, wanting, correcting, applying, holding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from inventory.states import HostState
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import make_facts, make_host, make_pod
from tests.unit.inventory.test_api_hosts import PARKED
from tests.unit.inventory.test_api_pods import given_pod


async def act(site: Site, method: str, path: str, body: Any = None, *, key: str) -> httpx.Response:
    """One request, a second after the one before."""
    site.clock.moment += timedelta(seconds=1)
    return await site.ask(method, path, body, key=key)


async def changes(site: Site, key: str, query: str = "") -> list[dict[str, Any]]:
    """Every entry, in order."""
    path = f"/api/object-changes?ordering=id{query}"
    found: list[dict[str, Any]] = (await site.ask("GET", path, key=key)).json()["results"]
    return found


def set_by(entry: dict[str, Any]) -> dict[str, Any]:
    """The fields that an entry says were set, with their values after."""
    before, after = entry["before"], entry["after"]
    return {name: after[name] for name in after if after[name] != before[name]}


async def test_acts_on_a_host_are_in_the_change_log_with_the_fields_that_they_set(
    site: Site, admin: str
) -> None:
    site.put(make_pod(), make_host(state=HostState.MATCHING, problem=PARKED, facts=make_facts()))
    new = "redfish+https://127.0.0.9:443"
    body = {"target": "repairing", "why": "fan"}
    for method, path, given in (
        ("POST", "/api/hosts/r1-h1/retry", None),
        ("POST", "/api/hosts/r1-h1/target", body),
        ("PATCH", "/api/hosts/r1-h1/bmc", {"address": new, "password": "hunter2", "username": "u"}),
    ):
        reply = await act(site, method, path, given, key=admin)
        assert reply.is_success, reply.text
    retried, wanted, corrected = await changes(site, admin, "&kind=host&name=r1-h1")
    assert set_by(retried).items() >= {"problem": None}.items()
    assert set_by(wanted).items() >= {"target": "repairing", "maintenance": "fan"}.items()
    assert wanted["message"] == "fan"
    assert set_by(corrected)["bmc"]["address"] == new
    for entry in (retried, wanted, corrected):
        assert entry["action"] == "update"
        assert entry["actor"].startswith("admin key")
        assert entry["request_id"]
        assert "username" not in entry["after"]["bmc"]
        assert "hunter2" not in str(entry)


async def test_a_pod_that_is_applied_held_and_a_host_forgotten_are_in_the_change_log(
    site: Site, admin: str
) -> None:
    assert (await act(site, "POST", "/api/pods", given_pod(), key=admin)).is_success
    assert (await act(site, "POST", "/api/pods/lab/hold", key=admin)).is_success
    gone = await act(site, "DELETE", "/api/hosts/r1-h4", key=admin)
    assert gone.is_success, gone.text
    told = [(one["kind"], one["name"], one["action"]) for one in await changes(site, admin)]
    assert sorted(told[:5]) == [
        *(("host", f"r1-h{n}", "create") for n in (1, 2, 3, 4)),
        ("pod", "lab", "create"),
    ]
    assert told[5:] == [("pod", "lab", "update"), ("host", "r1-h4", "delete")]
    held = (await changes(site, admin, "&kind=pod&action=update"))[0]
    assert set_by(held) == {"bring_up": "held"}
    assert "spec_document" not in held["after"]


async def test_what_a_hold_repeats_is_not_logged_twice(site: Site, admin: str) -> None:
    site.put(make_pod())
    for _ in range(2):
        assert (await act(site, "POST", "/api/pods/lab/hold", key=admin)).is_success
    assert len(await changes(site, admin)) == 1


async def test_hosts_that_are_enrolled_alone_are_in_the_change_log(site: Site, admin: str) -> None:
    pod = given_pod()
    one = pod["hosts"].pop()
    assert (await act(site, "POST", "/api/pods", pod, key=admin)).is_success
    reply = await act(site, "POST", "/api/hosts", {**one, "pod": "lab"}, key=admin)
    assert reply.is_success, reply.text
    (entry,) = await changes(site, admin, f"&name={one['name']}")
    assert (entry["kind"], entry["action"], entry["before"]) == ("host", "create", None)
    assert "hunter" not in str(entry)
