"""Hosts over the API: lists, explanations, and intent that never moves a state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.errors import StaleWrite
from inventory.model import Event, Host, Problem
from inventory.states import HostState
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_boot, make_facts, make_host, make_pod

PARKED = Problem(
    kind="spec-mismatch",
    message="memory.modules: wanted 4, found 3",
    since=NOW,
    tried=("read again",),
    remedy="seat or replace the module in slot DIMM2",
)


async def test_a_list_is_paged_by_its_next_link(site: Site, admin: str) -> None:
    site.put(*(make_host(n) for n in range(1, 6)))
    names: list[str] = []
    path: str | None = "/api/hosts?limit=2&pod=lab"
    while path:
        page = (await site.ask("GET", path, key=admin)).json()
        assert set(page) == {"count", "next", "previous", "results"}
        assert page["count"] == 5
        names += [host["name"] for host in page["results"]]
        path = page["next"]
    assert names == [f"r1-h{n}" for n in range(1, 6)]


async def test_filters_narrow_and_unknown_ones_are_refused(site: Site, admin: str) -> None:
    site.put(make_host(1, state=HostState.READY), make_host(2))
    found = (await site.ask("GET", "/api/hosts?state=ready", key=admin)).json()
    assert [h["name"] for h in found["results"]] == ["r1-h1"]
    reply = await site.ask("GET", "/api/hosts?states=ready", key=admin)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["path"], error["value"]) == ("states", "ready")
    assert error["hint"].startswith("did you mean state? valid ones: after, asset_tag, ")


@pytest.mark.parametrize(
    "query", ["limit=-1", "state=redy", "limit=x", "gpu.count__gte=many", "simulated=perhaps"]
)
async def test_a_wrong_value_names_path_and_value(site: Site, admin: str, query: str) -> None:
    reply = await site.ask("GET", f"/api/hosts?{query}", key=admin)
    assert reply.status_code == 422
    error = reply.json()["error"]
    assert error["path"] == query.split("=", maxsplit=1)[0]
    assert query.split("=")[1] in error["value"]


async def test_no_answer_holds_a_secret_of_a_host(site: Site, admin: str) -> None:
    site.put(make_host(boot=make_boot("a" * 32, "the-hash")))
    for path in ("/api/hosts", "/api/hosts/r1-h1", "/api/hosts/r1-h1/why"):
        text = (await site.ask("GET", path, key=admin)).text
        assert "the-hash" not in text
        assert "a" * 32 not in text


async def test_why_says_what_a_person_must_do(site: Site, admin: str) -> None:
    site.put(make_host(state=HostState.MATCHING, problem=PARKED, facts=make_facts()))
    event = Event(at=NOW, actor="provisioning", kind="host.parked", subject="host:r1-h1")
    other = event.model_copy(update={"subject": "host:r1-h2"})
    site.store.apply(Change(events=(event, other)), now=NOW)
    why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    assert why["summary"] == "parked in matching: memory.modules: wanted 4, found 3"
    assert why["remedy"] == PARKED.remedy
    assert why["tried"] == ["read again"]
    assert why["next_at"] is None
    assert [e["subject"] for e in why["events"]] == ["host:r1-h1"]


async def test_why_reads_the_plan_once_however_often_it_is_asked(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand hosts' plan is the largest record of all, and a page asks why all the time."""
    site.put(make_pod(), make_host(state=HostState.BOOTING))
    read: list[str] = []
    get = type(site.store).get

    def counted(store: Any, kind: type[Any], key: str) -> Any:
        read.append(kind.__name__)
        return get(store, kind, key)

    monkeypatch.setattr(type(site.store), "get", counted)
    for _ in range(3):
        why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
        assert why["late_at"] is not None
    assert read.count("Pod") == 1


async def test_why_keeps_the_newest_events(site: Site, admin: str) -> None:
    site.put(make_host())
    told = tuple(Event(at=NOW, actor="a", kind=f"k{n}", subject="host:r1-h1") for n in range(25))
    site.store.apply(Change(events=told), now=NOW)
    why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    assert [e["kind"] for e in why["events"]] == [f"k{n}" for n in range(15, 25)]


async def test_an_unknown_host_is_404_with_a_hint(site: Site, admin: str) -> None:
    reply = await site.ask("GET", "/api/hosts/nobody", key=admin)
    assert reply.status_code == 404
    assert reply.json()["error"]["hint"] == "see `podyard host list`"


async def test_retry_forgets_the_problem_and_reads_a_parked_host_anew(
    site: Site, admin: str
) -> None:
    sleeping = NOW + timedelta(days=1)
    site.put(
        make_host(state=HostState.MATCHING, problem=PARKED, facts=make_facts(), wake_at=sleeping)
    )
    await site.ask("POST", "/api/hosts/r1-h1/retry", key=admin)
    (host,) = site.store.find(Host)
    assert host.state is HostState.MATCHING  # only the controller moves it
    assert (host.problem, host.facts, host.wake_at) == (None, None, NOW)
    assert site.woken == 1
    assert [(e.kind, e.old) for e in site.store.events()] == [("host.retry", "spec-mismatch")]


@pytest.mark.parametrize("parked", [True, False])
async def test_retry_of_a_failed_boot_gives_it_fresh_tries(
    site: Site, admin: str, *, parked: bool
) -> None:
    boot = make_boot("m", "h", powered_at=NOW, tries=3)
    problem = PARKED if parked else None
    site.put(make_host(state=HostState.BOOTING, problem=problem, boot=boot))
    await site.ask("POST", "/api/hosts/r1-h1/retry", key=admin)
    (host,) = site.store.find(Host)
    assert host.problem is None
    assert host.boot == (None if parked else boot)  # a boot under way is not cut off


async def test_retry_of_a_failed_acceptance_orders_it_again(site: Site, admin: str) -> None:
    facts = make_facts()
    site.put(make_host(state=HostState.ACCEPTING, acceptance_order="old", facts=facts))
    await site.ask("POST", "/api/hosts/r1-h1/retry", key=admin)
    (host,) = site.store.find(Host)
    assert (host.acceptance_order, host.facts) == ("", facts)


async def test_intent_is_written_though_the_loop_writes_too(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put(make_host())
    apply, raced = site.store.apply, []

    def racing(change: Change, **given: object) -> None:
        if not raced:
            raced.append(1)
            raise StaleWrite("the loop was faster")
        apply(change, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(site.store, "apply", racing)
    reply = await site.ask("POST", "/api/hosts/r1-h1/target", {"target": "retired"}, key=admin)
    assert reply.json()["target"] == "retired"
    (host,) = site.store.find(Host)
    assert (host.target, host.state) == ("retired", HostState.ENROLLED)


async def test_an_unknown_field_names_the_valid_ones(site: Site, admin: str) -> None:
    site.put(make_host())
    body = {"target": "ready", "sate": "ready"}
    reply = await site.ask("POST", "/api/hosts/r1-h1/target", body, key=admin)
    assert reply.status_code == 422
    assert reply.json()["error"]["hint"] == "valid fields: target, why"


async def test_a_defect_answers_in_shape_and_says_nothing(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret path /root/x")

    monkeypatch.setattr(site.store, "outline", broken)
    reply = await site.ask("GET", "/api/hosts", key=admin)
    assert reply.status_code == 500
    assert reply.json()["error"]["kind"] == "internal"
    assert "secret" not in reply.text
