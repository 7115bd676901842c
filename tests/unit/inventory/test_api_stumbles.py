"""What scripts stumbled over: parameters and bodies that were taken and did nothing."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.parts import Part
from inventory.places import Rack
from inventory.places import Site as Place
from inventory.states import HostState
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host


@pytest.fixture
def zrh(site: Site) -> Site:
    site.put(Place(name="zrh"))
    return site


def gpu() -> Part:
    return Part(
        id="part-1",
        host_id=make_host(1).id,
        host="r1-h1",
        slot="gpu/0",
        kind="accelerator",
        serial="S1",
        installed_at=NOW,
        seen_at=NOW,
    )


# Shapes


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("include=parts&fields=name", {"name", "parts"}),
        ("fields=name,parts", {"name", "parts"}),
        ("fields=name,rack", {"name", "rack"}),
        ("include=parts&brief=1", {"id", "url", "display", "name", "parts"}),
    ],
)
async def test_what_comes_along_is_shown_beside_the_fields(
    site: Site, admin: str, query: str, shown: set[str]
) -> None:
    site.put(make_host(1), gpu())
    (line,) = (await site.ask("GET", f"/api/hosts?{query}", key=admin)).json()["results"]
    alone = (await site.ask("GET", f"/api/hosts/r1-h1?{query}", key=admin)).json()
    assert set(line) == set(alone) == shown
    if "parts" in shown:
        assert [part["serial"] for part in line["parts"]] == ["S1"]
        assert line["parts"] == alone["parts"]
    else:
        assert line["rack"] == make_host(1).rack


async def test_a_narrowed_key_gets_nothing_along_by_naming_it_a_field(
    site: Site, admin: str
) -> None:
    site.put(make_host(1), gpu())
    body = {"role": "viewer", "permissions": ["host:read"]}
    key = (await site.ask("POST", "/api/keys", body, key=admin)).json()["text"]
    reply = await site.ask("GET", "/api/hosts?fields=name,parts", key=key)
    assert (reply.status_code, reply.json()["error"]["path"]) == (403, "include")


# Items that are no objects


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_an_item_that_is_no_object_is_refused_at_its_own_place(
    zrh: Site, admin: str, method: str
) -> None:
    if method != "POST":
        zrh.put(Rack(id="rack-1", name="r1", site="zrh"))
    item: dict[str, Any] = {"name": "r1", "site": "zrh", "serial": "S"}
    items = [item if method == "POST" else {"id": "rack-1"}, 5]
    reply = await zrh.ask(method, "/api/racks", items, key=admin)
    error = reply.json()["error"]
    assert (reply.status_code, error["path"], error["value"]) == (422, "1", "5")
    assert len(zrh.store.find(Rack)) == (0 if method == "POST" else 1)
    reply = await zrh.ask(method, "/api/racks?atomic=false", items, key=admin)
    assert reply.status_code == 207, reply.text
    good, bad = reply.json()["results"]
    assert good["status"] < 300
    assert (bad["index"], bad["status"], bad["error"]["message"]) == (1, 422, "not an object")
    assert len(zrh.store.find(Rack)) == (0 if method == "DELETE" else 1)


async def test_a_host_that_is_no_object_is_refused_with_its_index(site: Site, admin: str) -> None:
    error = (await site.ask("POST", "/api/hosts", [5], key=admin)).json()["error"]
    assert error["path"] == "0"


# Another name under a key


async def test_put_by_key_refuses_another_name(zrh: Site, admin: str) -> None:
    path = "/api/racks/by-key/b9"
    reply = await zrh.ask("PUT", path, {"site": "zrh", "name": "other"}, key=admin)
    error = reply.json()["error"]
    assert (reply.status_code, error["path"], error["value"]) == (422, "name", "other")
    assert zrh.store.find(Rack) == []
    same = await zrh.ask("PUT", path, {"site": "zrh", "name": "b9"}, key=admin)
    assert same.status_code == 201


# The values of a field


async def test_the_values_of_a_field_are_described_and_told_by_a_refusal(
    site: Site, admin: str
) -> None:
    described = (await site.ask("GET", "/api/openapi.json", key=admin)).json()
    parameters = described["paths"]["/api/hosts"]["get"]["parameters"]
    (states,) = [p["schema"]["items"]["enum"] for p in parameters if p["name"] == "state"]
    assert states == [str(state) for state in HostState]
    reply = await site.ask("GET", "/api/hosts?state=redy", key=admin)
    assert reply.status_code == 422
    assert reply.json()["error"]["hint"] == f"valid ones: {', '.join(states)}"


# A part's stays by its host


async def test_the_parts_of_a_host_are_listed_below_it(site: Site, admin: str) -> None:
    gone = gpu().model_copy(update={"id": "part-0", "serial": "S0", "removed_at": NOW})
    other = gpu().model_copy(update={"id": "part-2", "host_id": make_host(2).id, "host": "r1-h2"})
    site.put(make_host(1), make_host(2), gpu(), gone, other)
    for name in ("r1-h1", make_host(1).id):
        path = f"/api/hosts/{name}/parts"
        now = (await site.ask("GET", path, key=admin)).json()
        assert [part["serial"] for part in now["results"]] == ["S1"]
        page = (await site.ask("GET", f"{path}?history=1&limit=1", key=admin)).json()
        assert (page["count"], page["results"][0]["serial"]) == (2, "S0")
        rest = (await site.ask("GET", page["next"], key=admin)).json()
        assert [part["serial"] for part in rest["results"]] == ["S1"]
        assert rest["next"] is None
    narrow = (await site.ask("GET", "/api/hosts/r1-h1/parts?fields=slot", key=admin)).json()
    assert narrow["results"] == [{"slot": "gpu/0"}]
    for query in ("host=r1-h2", "host_id=x", "histry=1"):
        reply = await site.ask("GET", f"/api/hosts/r1-h1/parts?{query}", key=admin)
        assert reply.status_code == 400, query
    assert (await site.ask("GET", "/api/hosts/no/parts", key=admin)).status_code == 404


async def test_a_role_at_another_site_sees_no_parts_below_a_host(site: Site, admin: str) -> None:
    site.put(make_host(1), gpu())
    body = {"role": "operator", "sites": ["far"]}
    far = (await site.ask("POST", "/api/keys", body, key=admin)).json()["text"]
    assert (await site.ask("GET", "/api/hosts/r1-h1/parts", key=far)).status_code == 403
