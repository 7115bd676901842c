"""Lists of hosts: found by what they can do, wanted and seen side by side, and what comes along."""

from __future__ import annotations

from typing import Any

from inventory.changes import ObjectChange
from inventory.model import CertificateRecord, Host, Problem
from inventory.netbox_links import NetBoxLink
from inventory.parts import Part
from inventory.places import Rack
from inventory.resources.hosts import HOSTS, HostLine, HostWhole
from inventory.states import HostState
from inventory.store.protocol import Change
from pods.facts import AcceleratorFact
from pods.match_finding import Mismatch
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_facts, make_host, make_unit

MISSING = Mismatch(
    path="memory.modules", wanted="4", found="3", severity="critical", remedy="seat DIMM2"
)


def gpus(count: int, model: str = "NVIDIA H100 80GB HBM3") -> Any:
    return make_facts(
        accelerators=tuple(
            AcceleratorFact(slot=f"GPU{n}", model=model, memory_gib=80) for n in range(count)
        )
    )


async def names(site: Site, key: str, query: str) -> list[str]:
    reply = await site.ask("GET", f"/api/hosts?{query}", key=key)
    assert reply.status_code == 200, reply.text
    return sorted(one["name"] for one in reply.json()["results"])


async def test_hosts_are_found_by_what_they_can_do(site: Site, admin: str) -> None:
    site.put(
        make_host(1, facts=gpus(8), link_domain="r1-h1"),
        make_host(2, facts=gpus(4)),
        make_host(3, facts=gpus(8, "AMD Instinct MI300X")),
        make_host(4),
    )
    assert await names(site, admin, "gpu.model__ic=h100&gpu.count=8") == ["r1-h1"]
    assert await names(site, admin, "gpu.count__gte=4") == ["r1-h1", "r1-h2", "r1-h3"]
    assert await names(site, admin, "memory_gib__gte=64") == ["r1-h1", "r1-h2", "r1-h3"]
    assert await names(site, admin, "memory_gib__gte=65") == []
    assert await names(site, admin, "link.domain=r1-h1") == ["r1-h1"]


async def test_wanted_seen_and_difference_stand_side_by_side(site: Site, admin: str) -> None:
    site.put(make_host(facts=make_facts(), mismatches=(MISSING,), target="ready"), make_host(2))
    one, bare = (await site.ask("GET", "/api/hosts?ordering=name", key=admin)).json()["results"]
    assert one["desired"]["host_type"] == "lab-cpu"
    assert one["observed"]["gpu"] == {"model": "Lab Accelerator", "count": 1, "memory_gib": 16}
    assert one["observed"]["memory_gib"] == 64
    assert one["drift"] == {"count": 1, "worst": "critical", "paths": ["memory.modules"]}
    assert bare["observed"]["at"] is None
    assert bare["drift"]["count"] == 0


async def test_what_is_answered_is_what_the_description_says(site: Site, admin: str) -> None:
    site.put(make_host(facts=make_facts(), mismatches=(MISSING,)))
    (line,) = (await site.ask("GET", "/api/hosts", key=admin)).json()["results"]
    whole = (await site.ask("GET", "/api/hosts/r1-h1", key=admin)).json()
    assert set(line) == set(HostLine.model_fields)
    assert set(whole) == set(HostWhole.model_fields)
    HostLine.model_validate(line)
    assert whole["mismatches"][0]["effect"] == "blocks"


async def test_what_stands_around_a_host_comes_along_at_once(
    site: Site, admin: str, monkeypatch: Any
) -> None:
    hosts = [make_host(n, certificate_id=f"c{n}") for n in (1, 2)]
    part = Part(
        id="p1",
        host_id=hosts[0].id,
        slot="gpu/0",
        kind="accelerator",
        serial="S",
        installed_at=NOW,
        seen_at=NOW,
    )
    gone = part.model_copy(update={"id": "p0", "removed_at": NOW})
    certificate = CertificateRecord(
        id="c1",
        host_id=hosts[0].id,
        host="r1-h1",
        envelope={"secret": 1},
        issued_at=NOW,
        expires_at=NOW,
        simulated=True,
        facts_digest="",
    )
    rack = Rack(id="rack-1", name="r1", site="here")
    link = NetBoxLink(
        id=f"host/{hosts[0].id}", kind="host", key=hosts[0].id, netbox_type="dcim.device",
        netbox_id=7, told="ready", intent={"tenant": "acme"},
    )  # fmt: skip
    site.put(*hosts, part, gone, certificate, make_unit(1), rack, link)
    asked: list[str] = []
    for name in ("search", "outline", "documents"):
        call = getattr(site.store, name)

        def counted(*given: Any, _call: Any = call, _name: str = name, **named: Any) -> Any:
            asked.append(_name)
            return _call(*given, **named)

        monkeypatch.setattr(site.store, name, counted)
    query = "include=parts,certificate,bmc,netbox,unit,rack&ordering=name"
    first, second = (await site.ask("GET", f"/api/hosts?{query}", key=admin)).json()["results"]
    assert [p["serial"] for p in first["parts"]] == ["S"]
    assert "envelope" not in first["certificate"]
    assert first["unit"]["name"] == "r1-h1-u0"
    assert first["rack"]["id"] == second["rack"]["id"] == "rack-1"
    assert "username" not in first["bmc"]
    assert (first["netbox"]["id"], first["netbox"]["intent"]) == (7, {"tenant": "acme"})
    assert second["netbox"] is None
    assert (second["parts"], second["certificate"], second["unit"]) == ([], None, None)
    assert len(asked) <= 8  # per page, not per host
    alone = (await site.ask("GET", "/api/hosts/r1-h1?include=unit", key=admin)).json()
    assert alone["unit"] == first["unit"]


async def test_labels_are_written_while_the_loop_writes_too(site: Site, admin: str) -> None:
    site.put(make_host(facts=make_facts()))
    body = {"add_tags": ["hot"], "custom": {"owner": "ml"}, "asset_tag": "A-7"}
    reply = await site.ask("PATCH", "/api/hosts/r1-h1", body, key=admin)
    assert reply.status_code == 200
    (host,) = site.store.find(Host)
    assert (host.tags, host.custom, host.asset_tag) == (("hot",), {"owner": "ml"}, "A-7")
    assert host.facts is not None
    (told,) = site.store.find(ObjectChange)
    assert told.after is not None
    assert not {"facts", "bmc", "boot"} & set(told.after)
    fresh = host.model_copy(update={"state": HostState.READY})
    site.store.apply(Change(replace=(fresh,)), now=NOW)
    assert await names(site, admin, "tag=hot&state=ready") == ["r1-h1"]


async def test_nothing_that_the_loop_owns_can_be_written(site: Site, admin: str) -> None:
    site.put(make_host())
    for field in ("state", "target", "bmc", "facts", "root", "serial"):
        reply = await site.ask("PATCH", "/api/hosts/r1-h1", {field: "x"}, key=admin)
        assert (reply.status_code, reply.json()["error"]["path"]) == (422, field)


async def test_problems_are_a_list_of_their_own(site: Site, admin: str) -> None:
    parked = Problem(kind="spec-mismatch", message="no DIMM2", since=NOW, remedy="seat it")
    site.put(make_host(1, problem=parked), make_host(2))
    page = (await site.ask("GET", "/api/problems?kind=spec-mismatch", key=admin)).json()
    (one,) = page["results"]
    assert (page["count"], one["name"], one["parked"], one["remedy"]) == (
        1,
        "r1-h1",
        True,
        "seat it",
    )
    assert (await site.ask("GET", "/api/problems/r1-h2", key=admin)).status_code == 404


def test_the_filters_of_hosts_are_columns_of_their_table(site: Site) -> None:
    from inventory.resources.all import RESOURCES  # noqa: PLC0415 - all of them
    from inventory.store.query import Condition, Query  # noqa: PLC0415 - the same

    assert HOSTS in RESOURCES
    for resource in RESOURCES:
        for found in resource.filters.values():
            query = Query((Condition(found.column, "empty", (True,)),))
            site.store.outline(resource.kind, query)
        for name in resource.ordering:
            column = resource.filters[name].column
            site.store.outline(resource.kind, Query(ordering=((column, True),)))
        for column in (resource.site, resource.tenant, *resource.within):
            if column:
                site.store.outline(resource.kind, Query((Condition(column, "exact", ("x",)),)))


async def test_a_role_at_one_site_reads_and_labels_its_own_hosts_alone(
    site: Site, admin: str
) -> None:
    here, there = make_host(1), make_host(2, site="ber")
    parts = [
        Part(
            id=f"p{n}",
            host_id=host.id,
            slot="gpu/0",
            kind="accelerator",
            installed_at=NOW,
            seen_at=NOW,
        )
        for n, host in enumerate((here, there))
    ]
    site.put(here, there, *parts)
    body = {"role": "operator", "sites": ["here"]}
    local = (await site.ask("POST", "/api/keys", body, key=admin)).json()["text"]
    page = (await site.ask("GET", "/api/hosts?include=parts", key=local)).json()
    assert (page["count"], [one["name"] for one in page["results"]]) == (1, ["r1-h1"])
    assert [p["id"] for p in page["results"][0]["parts"]] == ["p0"]
    assert (await site.ask("GET", "/api/hosts/r1-h2", key=local)).status_code == 404
    for name, status in (("r1-h1", 200), ("r1-h2", 404)):
        reply = await site.ask("PATCH", f"/api/hosts/{name}", {"add_tags": ["a"]}, key=local)
        assert reply.status_code == status
    assert (await site.ask("GET", "/api/parts", key=local)).status_code == 403
    assert (await site.ask("GET", "/api/object-changes", key=local)).status_code == 403
    exported = await site.ask("GET", "/api/export/hosts.csv", key=local)
    assert "r1-h2" not in exported.text
