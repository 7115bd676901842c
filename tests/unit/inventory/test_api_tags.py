"""The list of tags: who carries them, counted by the database, and nothing of other sites."""

from __future__ import annotations

import pytest

from inventory.places import Equipment, Rack
from inventory.places import Site as Place
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import make_host


@pytest.fixture
def tagged(site: Site) -> Site:
    site.put(
        Place(name="here"),
        Place(name="far", tags=("old",)),
        Rack(id="k1", name="k1", site="here", tags=("old", "wet")),
        Rack(id="k2", name="k2", site="far", tags=("old",)),
        Equipment(id="e1", name="e1", site="here", kind="switch", tags=("wet",)),
        Equipment(id="e2", name="e2", site="here", kind="pdu", tags=("wet",)),
        make_host(1, tags=("old",)),
        make_host(2, custom={"tag": "none"}),
    )
    return site


async def test_tags_say_how_many_carry_them_by_list(tagged: Site) -> None:
    page = (await tagged.ask("GET", "/api/tags", key=tagged.key("viewer"))).json()
    assert (page["count"], page["next"]) == (2, None)
    assert page["results"] == [
        {"name": "old", "count": 4, "counts": {"hosts": 1, "sites": 1, "racks": 2}},
        {"name": "wet", "count": 3, "counts": {"racks": 1, "switches": 1, "pdus": 1}},
    ]


async def test_tags_are_paged(tagged: Site, admin: str) -> None:
    first = (await tagged.ask("GET", "/api/tags?limit=1", key=admin)).json()
    rest = (await tagged.ask("GET", first["next"], key=admin)).json()
    names = [one["name"] for one in (*first["results"], *rest["results"])]
    assert (names, rest["next"], rest["count"]) == (["old", "wet"], None, 2)


async def test_tags_of_another_site_or_of_a_hidden_list_are_not_counted(
    tagged: Site, admin: str
) -> None:
    for given, counts in (
        ({"sites": ["far"]}, {"old": {"sites": 1, "racks": 1}}),
        (
            {"permissions": ["place:read"]},
            {
                "old": {"sites": 1, "racks": 2},
                "wet": {"racks": 1, "switches": 1, "pdus": 1},
            },
        ),
    ):
        body = {"role": "operator", **given}
        key = (await tagged.ask("POST", "/api/keys", body, key=admin)).json()["text"]
        page = (await tagged.ask("GET", "/api/tags", key=key)).json()
        assert {one["name"]: one["counts"] for one in page["results"]} == counts
