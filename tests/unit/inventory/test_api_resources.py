"""Conventions of every list and write, shown on places: what NetBox's users know, less traps."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.changes import ObjectChange
from inventory.places import Rack, Site
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site as Bed
from tests.unit.inventory.records import NOW


def rack(number: int, **fields: Any) -> Rack:
    given: dict[str, Any] = {"id": f"rack-{number}", "name": f"r{number}", "site": "zrh", **fields}
    return Rack(**given)


@pytest.fixture
def zrh(site: Bed) -> Bed:
    site.put(Site(name="zrh", title="Zurich"))
    return site


async def names(site: Bed, key: str, query: str, what: str = "racks") -> list[str]:
    reply = await site.ask("GET", f"/api/{what}?{query}", key=key)
    assert reply.status_code == 200, reply.text
    return [one["name"] for one in reply.json()["results"]]


async def refusal(site: Bed, key: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    reply = await site.ask(method, path, body, key=key)
    assert reply.status_code >= 400, reply.text
    return {"status": reply.status_code, **reply.json()["error"]}


# Lists


async def test_the_same_filter_twice_means_either_and_two_filters_mean_both(
    zrh: Bed, admin: str
) -> None:
    zrh.put(rack(1, serial="A"), rack(2, serial="B"), rack(3, serial="B", pod="lab"))
    assert await names(zrh, admin, "serial=A&serial=B&ordering=name") == ["r1", "r2", "r3"]
    assert await names(zrh, admin, "serial=B&pod=lab") == ["r3"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name__n=r1", ["r2", "x3"]),
        ("name__ic=R", ["r1", "r2"]),
        ("name__nic=r", ["x3"]),
        ("name__isw=x", ["x3"]),
        ("name__iew=2", ["r2"]),
        ("name__ie=R1", ["r1"]),
        ("name__in=r1,x3", ["r1", "x3"]),
        ("serial__empty=true", ["r2", "x3"]),
        ("serial__empty=false", ["r1"]),
        ("q=S-1", ["r1"]),
        ("tag=a", ["r1", "r2"]),
        ("tag=a&tag=b", ["r2"]),
        ("tag__n=b", ["r1", "x3"]),
        ("cf_row=7", ["x3"]),
        ("ordering=-name&limit=1", ["x3"]),
        ("limit=1&offset=1&ordering=name", ["r2"]),
    ],
)
async def test_lookups_find_what_their_name_says(
    zrh: Bed, admin: str, query: str, found: list[str]
) -> None:
    zrh.put(
        rack(1, serial="S-1", tags=("a",)),
        rack(2, tags=("a", "b")),
        rack(3, name="x3", custom={"row": 7}),
    )
    assert sorted(await names(zrh, admin, query)) == found


async def test_an_unknown_filter_is_refused_and_never_ignored(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    for query in ("serail=x", "serial__regex=x", "has_primary_ip=true", "ordering=serail"):
        error = await refusal(zrh, admin, "GET", f"/api/racks?{query}")
        assert (error["status"], error["kind"]) == (400, "unknown-parameter")
    error = await refusal(zrh, admin, "GET", "/api/racks?serail=x")
    assert error["hint"].startswith("did you mean serial? valid ones: ")
    error = await refusal(zrh, admin, "GET", "/api/racks/r1?serial=x")
    assert error["status"] == 400


async def test_pages_are_walked_by_cursor_and_by_offset(zrh: Bed, admin: str) -> None:
    zrh.put(*(rack(n) for n in range(1, 6)))
    for start in ("limit=2", "limit=2&offset=0", "limit=2&start=0", "limit=2&ordering=-name"):
        path: str | None = f"/api/racks?{start}"
        walked: list[str] = []
        while path:
            page = (await zrh.ask("GET", path, key=admin)).json()
            assert page["count"] == (None if "start" in start else 5)
            walked += [one["name"] for one in page["results"]]
            path = page["next"]
        assert sorted(walked) == ["r1", "r2", "r3", "r4", "r5"], start
    page = (await zrh.ask("GET", "/api/racks?limit=2&offset=2", key=admin)).json()
    assert page["previous"] == "http://podyard/api/racks?limit=2&offset=0"


async def test_a_page_is_capped_and_a_limit_of_zero_asks_for_the_cap(zrh: Bed, admin: str) -> None:
    zrh.put(*(rack(n) for n in range(1100)))
    for limit in (0, 5000):
        page = (await zrh.ask("GET", f"/api/racks?limit={limit}", key=admin)).json()
        assert (len(page["results"]), page["count"]) == (1000, 1100)
        assert page["next"]


async def test_brief_fields_and_omit_cut_what_is_answered(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    for query, fields in (
        ("brief=1", {"id", "url", "display", "name"}),
        ("fields=name,serial", {"name", "serial"}),
        ("brief=1&omit=url", {"id", "display", "name"}),
    ):
        (one,) = (await zrh.ask("GET", f"/api/racks?{query}", key=admin)).json()["results"]
        assert set(one) == fields
        alone = (await zrh.ask("GET", f"/api/racks/r1?{query}", key=admin)).json()
        assert set(alone) == fields
    assert (await refusal(zrh, admin, "GET", "/api/racks?fields=nmae"))["status"] == 400


async def test_every_record_says_where_it_is_and_since_when(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    (one,) = (await zrh.ask("GET", "/api/racks", key=admin)).json()["results"]
    assert one["url"] == "http://podyard/api/racks/rack-1"
    assert one["display"] == "r1"
    assert one["created"] == one["last_updated"] == NOW.isoformat()
    assert (await zrh.ask("GET", one["url"], key=admin)).json() == one


async def test_a_list_shows_a_record_as_it_was_written_last(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    assert await names(zrh, admin, "") == ["r1"]
    for serial in ("A", "B"):
        found = zrh.store.get(Rack, "rack-1")
        assert found is not None
        fresh = found.model_copy(update={"serial": serial})
        zrh.store.apply(Change(replace=(fresh,)), now=NOW)
        (one,) = (await zrh.ask("GET", "/api/racks", key=admin)).json()["results"]
        assert one["serial"] == serial


async def test_a_name_that_is_used_again_is_another_record(zrh: Bed, admin: str) -> None:
    first = await zrh.ask("GET", "/api/sites/zrh", key=admin)
    assert (await zrh.ask("DELETE", "/api/sites/zrh", key=admin)).status_code == 204
    zrh.clock.moment = zrh.clock.moment.replace(year=2031)
    await zrh.ask("POST", "/api/sites", {"name": "zrh", "title": "Other"}, key=admin)
    second = await zrh.ask("GET", "/api/sites/zrh", key=admin)
    assert second.json()["title"] == "Other"
    assert first.headers["etag"] != second.headers["etag"]


async def test_a_name_of_two_sites_is_asked_for_by_id(zrh: Bed, admin: str) -> None:
    zrh.put(Site(name="ber"), rack(1), rack(2, name="r1", site="ber"))
    error = await refusal(zrh, admin, "GET", "/api/racks/r1")
    assert (error["status"], error["kind"]) == (409, "ambiguous")
    assert "rack-1" in error["hint"]


# Writes


async def test_a_write_leaves_before_and_after_with_actor_and_request(zrh: Bed, admin: str) -> None:
    body = {"name": "r1", "site": "zrh", "serial": "S1", "changelog_message": "delivered"}
    made = await zrh.ask("POST", "/api/racks", body, key=admin, X_Request_ID="truck-7")
    assert made.status_code == 201
    assert made.headers["location"] == made.json()["url"]
    await zrh.ask("PATCH", "/api/racks/r1", {"serial": "S2"}, key=admin)
    await zrh.ask("DELETE", "/api/racks/r1", key=admin)
    told = {one.action: one for one in zrh.store.find(ObjectChange)}
    created, changed, removed = told["create"], told["update"], told["delete"]
    assert (created.request_id, created.message) == ("truck-7", "delivered")
    assert created.actor.startswith("admin key ")
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["serial"], changed.after["serial"]) == ("S1", "S2")
    assert (removed.after, removed.name) == (None, "r1")
    kinds = [e.kind for e in zrh.store.events() if e.kind.startswith("record.")]
    assert kinds == ["record.created", "record.changed", "record.removed"]


async def test_what_changes_nothing_writes_nothing(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1, serial="S1"))
    before = (await zrh.ask("GET", "/api/racks/r1", key=admin)).headers["etag"]
    zrh.clock.moment = zrh.clock.moment.replace(year=2031)
    same = await zrh.ask("PATCH", "/api/racks/r1", {"serial": "S1"}, key=admin)
    assert (same.status_code, same.headers["etag"]) == (200, before)
    assert zrh.store.count(ObjectChange) == 0
    assert zrh.store.events() == []


async def test_a_stale_if_match_is_refused_with_the_tag_of_now(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    read = await zrh.ask("GET", "/api/racks/r1", key=admin)
    tag = read.headers["etag"]
    first = await zrh.ask("PATCH", "/api/racks/r1", {"serial": "A"}, key=admin, If_Match=tag)
    assert first.status_code == 200
    second = await zrh.ask("PATCH", "/api/racks/r1", {"serial": "B"}, key=admin, If_Match=tag)
    assert second.status_code == 412
    assert second.headers["etag"] == first.headers["etag"]
    gone = await zrh.ask("DELETE", "/api/racks/r1", key=admin, If_Match=tag)
    assert gone.status_code == 412
    found = zrh.store.get(Rack, "rack-1")
    assert found is not None
    assert found.serial == "A"


async def test_a_weak_tag_changes_nothing_and_saves_a_second_reading(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    read = await zrh.ask("GET", "/api/racks/r1", key=admin)
    weak = f"W/{read.headers['etag']}"
    for method, body in (("PATCH", {"serial": "A"}), ("DELETE", None)):
        reply = await zrh.ask(method, "/api/racks/r1", body, key=admin, If_Match=weak)
        assert reply.status_code == 412, method
        assert "weak" in reply.json()["error"]["message"]
    assert zrh.store.get(Rack, "rack-1") == rack(1)
    again = await zrh.ask("GET", "/api/racks/r1", key=admin, If_None_Match=weak)
    assert again.status_code == 304


async def test_an_unchanged_record_is_not_sent_again(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    read = await zrh.ask("GET", "/api/racks/r1", key=admin)
    again = await zrh.ask("GET", "/api/racks/r1", key=admin, If_None_Match=read.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


async def test_an_unknown_field_is_refused_with_the_valid_ones(zrh: Bed, admin: str) -> None:
    body = {"name": "r1", "site": "zrh", "heigth_units": 42}
    error = await refusal(zrh, admin, "POST", "/api/racks", body)
    assert (error["status"], error["path"]) == (422, "heigth_units")
    assert "height_units" in error["hint"]
    assert zrh.store.count(Rack) == 0


async def test_a_taken_name_is_409_with_the_id_of_what_exists(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    error = await refusal(zrh, admin, "POST", "/api/racks", {"name": "r1", "site": "zrh"})
    assert (error["status"], error["existing"]) == (409, "rack-1")


async def test_a_field_that_names_nothing_is_refused(zrh: Bed, admin: str) -> None:
    error = await refusal(zrh, admin, "POST", "/api/racks", {"name": "r1", "site": "nowhere"})
    assert (error["status"], error["path"]) == (422, "site")
    assert error["hint"] == "see `podyard site list`"


async def test_what_others_name_is_not_removed(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    error = await refusal(zrh, admin, "DELETE", "/api/sites/zrh")
    assert (error["status"], error["kind"]) == (409, "held")
    assert zrh.store.get(Site, "zrh") is not None


async def test_a_list_is_written_whole_or_not_at_all(zrh: Bed, admin: str) -> None:
    good, bad = {"name": "r1", "site": "zrh"}, {"name": "r2", "site": "zrh", "height_units": 99}
    error = await refusal(zrh, admin, "POST", "/api/racks", [good, bad, {"name": "r3"}])
    assert error["status"] == 422
    paths = [error["path"], *(o["path"] for o in error["others"])]
    assert paths == ["1.height_units", "2.site"]
    assert zrh.store.count(Rack) == 0
    made = await zrh.ask("POST", "/api/racks", [good, {**good, "name": "r2"}], key=admin)
    assert made.status_code == 201
    assert [one["name"] for one in made.json()] == ["r1", "r2"]


async def test_each_item_counts_by_itself_when_that_is_asked(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    items = [
        {"name": "r1", "site": "zrh"},
        {"name": "r2", "site": "zrh"},
        {"name": "r2", "site": "zrh"},
        {"name": "r3"},
    ]
    reply = await zrh.ask("POST", "/api/racks?atomic=false", items, key=admin)
    assert reply.status_code == 207
    found = reply.json()
    assert (found["succeeded"], found["failed"]) == (1, 3)
    assert [one["status"] for one in found["results"]] == [409, 201, 422, 422]
    assert found["results"][0]["error"]["existing"] == "rack-1"
    assert found["results"][1]["record"]["name"] == "r2"


async def test_a_list_is_changed_and_removed_by_id_or_name(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1), rack(2))
    items = [{"id": "rack-1", "serial": "A"}, {"name": "r2", "add_tags": ["hot"]}]
    changed = (await zrh.ask("PATCH", "/api/racks", items, key=admin)).json()
    assert [(one["serial"], one["tags"]) for one in changed] == [("A", []), ("", ["hot"])]
    gone = [{"id": "rack-1"}, {"name": "r9"}]
    error = await refusal(zrh, admin, "DELETE", "/api/racks", gone)
    assert (error["status"], error["path"]) == (404, "1.id")
    each = await zrh.ask("DELETE", "/api/racks?atomic=false", gone, key=admin)
    assert [one["status"] for one in each.json()["results"]] == [204, 404]
    assert await names(zrh, admin, "") == ["r2"]


async def test_a_record_that_is_named_twice_in_one_request_is_refused(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1))
    twice = [{"id": "rack-1", "tags": ["a"]}, {"name": "r1", "tags": ["b"]}]
    whole = await zrh.ask("PATCH", "/api/racks", twice, key=admin)
    assert whole.status_code == 422
    assert "named twice" in whole.text
    each = await zrh.ask("PATCH", "/api/racks?atomic=false", twice, key=admin)
    assert [item["status"] for item in each.json()["results"]] == [200, 422]
    assert (await zrh.ask("GET", "/api/racks/rack-1", key=admin)).json()["tags"] == ["a"]


async def test_put_by_key_makes_changes_or_leaves(zrh: Bed, admin: str) -> None:
    body = {"site": "zrh", "serial": "A"}
    made = await zrh.ask("PUT", "/api/racks/by-key/r1", body, key=admin)
    same = await zrh.ask("PUT", "/api/racks/by-key/r1", body, key=admin)
    changed = await zrh.ask("PUT", "/api/racks/by-key/r1", {**body, "serial": "B"}, key=admin)
    assert [r.status_code for r in (made, same, changed)] == [201, 200, 200]
    assert made.headers["etag"] == same.headers["etag"] != changed.headers["etag"]
    assert changed.json()["serial"] == "B"
    assert zrh.store.count(Rack) == 1


async def test_tags_and_custom_fields_are_added_and_taken(zrh: Bed, admin: str) -> None:
    zrh.put(rack(1, tags=("a", "b"), custom={"row": 7, "owner": "x"}))
    body = {"add_tags": ["c"], "remove_tags": ["a"], "custom": {"owner": None, "u": 1.5}}
    one = (await zrh.ask("PATCH", "/api/racks/r1", body, key=admin)).json()
    assert one["tags"] == ["b", "c"]
    assert one["custom"] == {"row": 7, "u": 1.5}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"[]",
        b"7",
        b'[{"name": 1}, 7]',
        b'{"name": NaN}',
        b'{"name": "r1", "site": "zrh", "serial": "\\u0000"}',
        b'{"name": "r1", "site": "zrh", "serial": "\\ud800"}',
        b'{"name": "r1", "site": "zrh", "custom": {"a": "\\udfff"}}',
        b'{"name": "r1", "site": "zrh", "serial": "a\\u001bb"}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"a":' * 80 + b"1" + b"}" * 80,
    ],
)
async def test_no_body_breaks_a_write(zrh: Bed, admin: str, raw: bytes) -> None:
    reply = await zrh.client.post(
        "/api/racks", content=raw, headers={"Authorization": f"Bearer {admin}"}
    )
    assert reply.status_code == 422, reply.text
    assert zrh.store.count(Rack) == 0


async def test_writes_that_race_are_planned_anew(
    zrh: Bed, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, raced = zrh.store.apply, []

    def racing(change: Change, **given: Any) -> None:
        if not raced and any(isinstance(r, Rack) for r in change.insert):
            raced.append(1)
            apply(Change(insert=(rack(1),)), **given)  # somebody was faster
        apply(change, **given)

    monkeypatch.setattr(zrh.store, "apply", racing)
    error = await refusal(zrh, admin, "POST", "/api/racks", {"name": "r1", "site": "zrh"})
    assert (error["status"], error["existing"]) == (409, "rack-1")


async def test_a_site_that_goes_meanwhile_takes_no_new_rack(
    zrh: Bed, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, went = zrh.store.apply, []

    def racing(change: Change, **given: Any) -> None:
        if not went and any(isinstance(r, Rack) for r in change.insert):
            went.append(1)
            apply(Change(remove=(Site(name="zrh"),)), **given)
        apply(change, **given)

    monkeypatch.setattr(zrh.store, "apply", racing)
    error = await refusal(zrh, admin, "POST", "/api/racks", {"name": "r1", "site": "zrh"})
    assert (error["status"], error["path"], error["value"]) == (422, "site", "zrh")
    assert zrh.store.count(Rack) == 0


async def test_a_rack_that_comes_meanwhile_keeps_its_site(
    zrh: Bed, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, came = zrh.store.apply, []

    def racing(change: Change, **given: Any) -> None:
        if not came and any(isinstance(r, Site) for r in change.remove):
            came.append(1)
            apply(Change(insert=(rack(1),)), **given)
        apply(change, **given)

    monkeypatch.setattr(zrh.store, "apply", racing)
    error = await refusal(zrh, admin, "DELETE", "/api/sites/zrh")
    assert (error["status"], error["kind"]) == (409, "held")
    assert zrh.store.get(Site, "zrh") is not None


async def test_a_viewer_reads_places_and_writes_none(zrh: Bed) -> None:
    viewer = zrh.key("viewer")
    assert await names(zrh, viewer, "", "sites") == ["zrh"]
    error = await refusal(zrh, viewer, "POST", "/api/racks", {"name": "r1", "site": "zrh"})
    assert error["status"] == 403
    tenant = zrh.key("tenant", "acme")
    assert (await refusal(zrh, tenant, "GET", "/api/racks"))["status"] == 403


async def test_a_number_too_large_for_json_is_refused(site: Site, admin: str) -> None:
    """`1e999` would be kept as nothing, and answered as `Infinity`, which no reader takes."""
    await site.ask("POST", "/api/sites", {"name": "oslo"}, key=admin)
    reply = await site.client.patch(
        "/api/sites/oslo",
        content=b'{"custom": {"height": 1e999}}',
        headers={"Authorization": f"Bearer {admin}"},
    )
    assert reply.status_code == 422, reply.text
