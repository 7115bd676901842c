"""Lists of expected hosts by the API: all rows or none, and no password is ever shown."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.expected_hosts import ExpectedHost
from inventory.found_bmcs import BmcNetwork, FoundBmc
from inventory.model import Host
from inventory.store.reading import every
from pods import catalogue
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import FINGERPRINT, NOW, make_host, make_pod

PATH = "/api/expected-hosts/import"
HEAD = "name,pod,slot,serial,mac,bmc,username,password,enrol"
SECRET = "factory-Pa55word"


def line(number: int, **cells: str) -> str:
    given = {
        "name": f"r1-h{number}",
        "pod": "lab",
        "slot": slot(number),
        "serial": f"SN{number:04d}",
        "mac": "",
        "bmc": f"redfish+https://127.0.0.1:{9000 + number}",
        "username": "root",
        "password": SECRET,
        "enrol": "",
        **cells,
    }
    return ",".join(given[name] for name in HEAD.split(","))


def slot(number: int) -> str:
    return sorted(s.slot for _, s in catalogue.load("lab-4").slots())[number - 1]


def listed(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines, ""]).encode()


async def send(site: Site, key: str, raw: bytes, path: str = PATH) -> Any:
    headers = {"authorization": f"Bearer {key}", "content-type": "text/csv"}
    reply = await site.client.post(path, content=raw, headers=headers)
    assert SECRET not in reply.text
    return reply


def make_found(number: int, **fields: Any) -> FoundBmc:
    given = {
        "id": f"found-{number}",
        "address": f"redfish+https://127.0.0.1:{9000 + number}",
        "ip": "127.0.0.1",
        "network": "sim",
        "fingerprint": FINGERPRINT,
        "first_seen_at": NOW,
        "seen_at": NOW,
        **fields,
    }
    return FoundBmc(**given)


async def test_a_list_becomes_expected_hosts_and_a_second_time_changes_nothing(
    site: Site, admin: str
) -> None:
    site.put(make_pod())
    done = (await send(site, admin, listed(line(1), line(2)))).json()
    assert (done["written"], done["rows"], done["created"]) == (True, 2, 2)
    again = (await send(site, admin, listed(line(1), line(2)))).json()
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)
    moved = (await send(site, admin, listed(line(1, serial="SN9"), line(2)))).json()
    assert (moved["updated"], moved["unchanged"]) == (1, 1)
    rows = {one.name: one for one in every(site.store, ExpectedHost)}
    assert rows["r1-h1"].serial == "SN9"
    assert rows["r1-h1"].own_password
    sealed = site.store.secret(rows["r1-h1"].id, "bmc-password")
    opened = site.box.unseal(rows["r1-h1"].id, "bmc-password", sealed or b"")
    assert opened.get_secret_value() == SECRET
    page = await site.ask("GET", "/api/expected-hosts?ordering=name", key=admin)
    assert [one["name"] for one in page.json()["results"]] == ["r1-h1", "r1-h2"]
    assert SECRET not in page.text
    assert not every(site.store, Host)


async def test_a_dry_run_says_the_same_and_writes_nothing(site: Site, admin: str) -> None:
    site.put(make_pod())
    done = (await send(site, admin, listed(line(1)), f"{PATH}?dry_run=true")).json()
    assert (done["written"], done["created"]) == (False, 1)
    assert not every(site.store, ExpectedHost)
    assert not site.store.events()


@pytest.mark.parametrize(
    ("cells", "column", "why"),
    [
        ({"pod": "nowhere"}, "pod", "there is no pod"),
        ({"slot": "no-such-slot"}, "slot", "has no such slot"),
        ({"serial": "LAB000000007"}, "serial", "host r1-h7 of pod lab has this serial"),
        ({"bmc": "redfish+https://169.254.169.254"}, "bmc", "metadata"),
        ({"bmc": "redfish+https://2130706433"}, "bmc", "write this address as 127.0.0.1"),
        ({"bmc": "http://127.0.0.1"}, "bmc", "not the address of a BMC"),
        ({"bmc": "redfish+https://u:p@127.0.0.1"}, "bmc", "holds no user"),
    ],
)
async def test_one_wrong_row_keeps_the_whole_list_out(
    site: Site, admin: str, cells: dict[str, str], column: str, why: str
) -> None:
    site.put(make_pod(), make_host(7, slot="elsewhere"))
    done = (await send(site, admin, listed(line(1), line(2, **cells)))).json()
    (fault,) = done["faults"]
    assert (fault["line"], fault["column"]) == (3, column)
    assert why in fault["message"]
    assert fault["hint"]
    assert not done["written"]
    assert not every(site.store, ExpectedHost)


async def test_a_slot_or_serial_that_is_expected_already_is_told_unless_it_moves(
    site: Site, admin: str
) -> None:
    site.put(make_pod())
    await send(site, admin, listed(line(1), line(2)))
    taken = (await send(site, admin, listed(line(3, slot=slot(1))))).json()
    assert taken["faults"][0]["message"] == "r1-h1 is expected with this slot"
    swapped = listed(line(1, slot=slot(2)), line(2, slot=slot(1)))
    assert (await send(site, admin, swapped)).json()["updated"] == 2


async def test_addresses_are_taken_in_declared_networks_alone(site: Site, admin: str) -> None:
    site.put(make_pod(), BmcNetwork(name="sim", cidr="127.0.0.1/32", simulated=True))
    done = (await send(site, admin, listed(line(1)))).json()
    assert done["written"]
    outside = listed(line(1, bmc="redfish+https://10.9.9.9"))
    refused = (await send(site, admin, outside)).json()
    assert "in none of the declared networks" in refused["faults"][0]["message"]
    assert "podyard bmc network" in refused["faults"][0]["hint"]


async def test_what_was_found_becomes_a_host_when_somebody_says_so(site: Site, admin: str) -> None:
    site.put(make_pod(), make_found(1), make_found(3))
    await send(site, admin, listed(line(1), line(2)))
    rows = {one.name: one for one in every(site.store, ExpectedHost)}
    assert (rows["r1-h1"].found, rows["r1-h1"].matched_by) == ("found-1", ("address",))
    assert not every(site.store, Host)

    done = (await site.ask("POST", "/api/expected-hosts/enrol", {}, key=admin)).json()

    assert [(one["name"], one["host"]) for one in done["results"]] == [("r1-h1", "r1-h1")]
    (host,) = every(site.store, Host)
    assert (host.serial, host.bmc.fingerprint, host.bmc.credentials) == (
        "SN0001", FINGERPRINT, "factory",
    )  # fmt: skip
    sealed = site.store.secret(host.id, "bmc-password")
    assert site.box.unseal(host.id, "bmc-password", sealed or b"").get_secret_value() == SECRET
    assert site.store.secret(rows["r1-h1"].id, "bmc-password") is None
    states = {one.id: one.state for one in every(site.store, FoundBmc)}
    assert states == {"found-1": "host", "found-3": "found"}
    later = (await send(site, admin, listed(line(1), line(2)))).json()
    assert (later["hosts"], later["unchanged"]) == (1, 1)


async def test_a_row_that_says_enrol_is_a_host_as_soon_as_both_are_there(
    site: Site, admin: str
) -> None:
    site.put(make_pod(), make_found(1), make_found(2))
    await send(site, admin, listed(line(1, enrol="yes"), line(2)))
    assert [host.name for host in every(site.store, Host)] == ["r1-h1"]


async def test_one_that_is_refused_keeps_no_other_back(site: Site, admin: str) -> None:
    site.put(make_pod(), make_found(1), make_found(2))
    await send(site, admin, listed(line(1), line(2, username="", password="")))
    body = {"names": ["r1-h1", "r1-h2"]}
    done = (await site.ask("POST", "/api/expected-hosts/enrol", body, key=admin)).json()
    assert (done["enrolled"], done["refused"]) == (1, 1)
    (refused,) = [one for one in done["results"] if not one["host"]]
    assert "nobody said which account" in refused["why"]
    row = next(one for one in every(site.store, ExpectedHost) if one.name == "r1-h2")
    assert "nobody said" in row.why


async def test_a_factory_account_is_kept_sealed_and_not_forgotten_while_needed(
    site: Site, admin: str
) -> None:
    site.put(make_pod(), make_found(1))
    body = {"username": "root", "password": SECRET}
    reply = await site.ask("PUT", "/api/factory-accounts/dell", body, key=admin)
    assert reply.json() == {"name": "dell", "username": "root"}
    rows = "name,pod,slot,serial,bmc,account\n"
    rows += f"r1-h1,lab,{slot(1)},SN1,127.0.0.1:9001,dell\n"
    assert (await send(site, admin, rows.encode())).json()["written"]
    kept = await site.ask("DELETE", "/api/factory-accounts/dell", key=admin)
    assert kept.status_code == 409
    done = (await site.ask("POST", "/api/expected-hosts/enrol", {}, key=admin)).json()
    assert done["enrolled"] == 1
    gone = await site.ask("DELETE", "/api/factory-accounts/dell", key=admin)
    assert gone.status_code == 204
    assert site.store.secret("factory-account/dell", "bmc-password") is None


async def test_what_is_expected_no_more_leaves_no_password(site: Site, admin: str) -> None:
    site.put(make_pod())
    await send(site, admin, listed(line(1)))
    (row,) = every(site.store, ExpectedHost)
    assert (await site.ask("DELETE", "/api/expected-hosts/r1-h1", key=admin)).status_code == 204
    assert site.store.secret(row.id, "bmc-password") is None
    assert not every(site.store, ExpectedHost)
    missing = await site.ask("DELETE", "/api/expected-hosts/r1-h1", key=admin)
    assert missing.status_code == 404
    assert "hint" in missing.text


async def test_no_row_that_died_between_two_writes_is_stuck(site: Site, admin: str) -> None:
    """The host was written and its row did not learn of it."""
    site.put(make_pod(), make_found(1), make_host(1, slot=slot(1), serial="SN0001"))
    site.put(
        ExpectedHost(
            id="e1", name="r1-h1", pod="lab", slot=slot(1), serial="SN0001", found="found-1"
        )
    )
    done = (await site.ask("POST", "/api/expected-hosts/enrol", {}, key=admin)).json()
    assert done["results"][0]["host"] == "r1-h1"
    (row,) = every(site.store, ExpectedHost)
    assert row.host_id


@pytest.mark.parametrize(
    ("cidr", "more", "why"),
    [
        ("10.0.0.0/8", {}, "65536 are the most"),
        ("10.0.0.0/16", {"ports": [443, 8443]}, "65536 are the most"),
        ("127.0.0.0/24", {}, "loopback"),
        ("169.254.0.0/24", {"simulated": True}, "link-local"),
        ("224.0.0.0/24", {}, "multicast"),
        ("0.0.0.0/8", {}, "unspecified"),
        ("::ffff:10.0.0.0/120", {}, "stands for"),
        ("64:ff9b::a00:0/120", {}, "stands for"),
        ("fe80::/120", {}, "link-local"),
        ("10.0.0.1/24", {}, "not a network"),
        ("bmcs", {}, "not a network"),
    ],
)
async def test_a_network_where_no_bmcs_are_is_not_declared(
    site: Site, admin: str, cidr: str, more: dict[str, Any], why: str
) -> None:
    reply = await site.ask("PUT", "/api/bmc-networks/n", {"cidr": cidr, **more}, key=admin)
    assert reply.status_code == 422, reply.text
    error = reply.json()["error"]
    assert why in error["message"]
    assert error["hint"]


async def test_a_walk_needs_a_network_and_there_is_one_at_a_time(site: Site, admin: str) -> None:
    none = await site.ask("POST", "/api/discoveries", {}, key=admin)
    assert (none.status_code, none.json()["error"]["kind"]) == (409, "no-network")
    body = {"cidr": "10.0.0.0/24"}
    assert (await site.ask("PUT", "/api/bmc-networks/n", body, key=admin)).status_code == 200
    unknown = await site.ask("POST", "/api/discoveries", {"networks": ["m"]}, key=admin)
    assert unknown.status_code == 422
    walk = await site.ask("POST", "/api/discoveries", {}, key=admin)
    assert (walk.status_code, walk.json()["addresses"]) == (202, 256)
    assert site.woken
    second = await site.ask("POST", "/api/discoveries", {}, key=admin)
    assert second.json()["error"]["existing"] == walk.json()["id"]
    stopped = await site.ask("POST", f"/api/discoveries/{walk.json()['id']}/stop", key=admin)
    assert stopped.json()["state"] == "stopped"
    assert (await site.ask("DELETE", "/api/bmc-networks/n", key=admin)).status_code == 204


async def test_an_operator_looks_for_bmcs_and_only_an_admin_says_where(site: Site) -> None:
    operator = site.key("operator")
    body = {"cidr": "10.0.0.0/24"}
    assert (await site.ask("PUT", "/api/bmc-networks/n", body, key=operator)).status_code == 403
    assert (await site.ask("GET", "/api/bmc-networks", key=operator)).status_code == 200


async def test_lists_of_what_was_found_have_pages_and_filters(site: Site, admin: str) -> None:
    site.put(*(make_found(n, state="matched" if n % 2 else "found") for n in range(1, 6)))
    first = (await site.ask("GET", "/api/found-bmcs?limit=2&state=matched", key=admin)).json()
    assert (first["count"], len(first["results"])) == (3, 2)
    assert first["next"]


async def test_a_pod_may_wait_for_its_hosts(site: Site, admin: str) -> None:
    body = {"name": "lab", "spec": "lab-4", "simulated": True}
    made = await site.ask("POST", "/api/pods", body, key=admin)
    assert (made.status_code, made.json()["hosts"]) == (201, 0)
    plan = await site.ask("GET", "/api/pods/lab/plan", key=admin)
    assert plan.status_code < 500, plan.text
