"""Exports: forms that other programs read, safe to open and whole at any number of hosts."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml

from inventory.exporting import safe_cell
from pods import catalogue
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import make_facts, make_host


async def test_hosts_come_as_a_table_of_all_pages(site: Site, admin: str) -> None:
    site.put(*(make_host(n) for n in range(1, 1003)))
    reply = await site.ask("GET", "/api/export/hosts.csv", key=admin)
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(reply.text)))
    assert len(lines) == 1002
    assert {line["name"] for line in lines} == {f"r1-h{n}" for n in range(1, 1003)}


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
async def test_no_cell_is_taken_for_a_formula(site: Site, admin: str, evil: str) -> None:
    site.put(make_host(facts=make_facts(model=evil)))
    reply = await site.ask("GET", "/api/export/hosts.csv", key=admin)
    (line,) = csv.DictReader(io.StringIO(reply.text, newline=""))
    assert line["model"] == f"'{evil}"
    assert safe_cell(-1) == "-1"


async def test_an_export_takes_the_filters_of_hosts(site: Site, admin: str) -> None:
    site.put(make_host(1, tags=("hot",)), make_host(2))
    found = await site.ask("GET", "/api/export/prometheus-sd.json?tag=hot", key=admin)
    (group,) = found.json()
    assert group["targets"] == ["127.0.0.1:9001"]
    assert group["labels"]["__meta_podyard_tags"] == ",hot,"
    for query in ("tga=hot", "limit=5"):
        reply = await site.ask("GET", f"/api/export/hosts.csv?{query}", key=admin)
        assert reply.status_code == 400


async def test_ansible_evaluates_nothing_that_a_host_says(site: Site, admin: str) -> None:
    site.put(make_host(1, serial="{{1+1}}", tags=("gpu-8",)), make_host(2))
    found = (await site.ask("GET", "/api/export/ansible-inventory.json", key=admin)).json()
    assert found["_meta"]["hostvars"]["r1-h1"]["podyard_serial"] == {"__ansible_unsafe": "{{1+1}}"}
    assert found["tag_gpu_8"] == {"hosts": ["r1-h1"]}
    assert found["pod_lab"] == {"hosts": ["r1-h1", "r1-h2"]}
    assert set(found["all"]["children"]) == set(found) - {"all", "_meta"}


async def test_an_empty_site_exports_whole_documents(site: Site, admin: str) -> None:
    assert (await site.ask("GET", "/api/export/prometheus-sd.json", key=admin)).json() == []
    found = await site.ask("GET", "/api/export/ansible-inventory.json", key=admin)
    assert json.loads(found.text) == {"_meta": {"hostvars": {}}, "all": {"children": []}}


async def test_device_types_are_those_of_the_catalogue(site: Site, admin: str) -> None:
    reply = await site.ask("GET", "/api/export/device-types.yaml", key=admin)
    found = list(yaml.safe_load_all(reply.text))
    assert len(found) == len(catalogue.identities("host"))
    (dgx,) = [one for one in found if one["part_number"] == "hgx-h100-8"]
    assert (dgx["u_height"], dgx["weight_unit"]) == (8, "kg")
    assert [b["name"] for b in dgx["module-bays"] if b["name"].startswith("gpu")] == [
        f"gpu/{n}" for n in range(8)
    ]
    assert {"name": "rail1", "type": "400gbase-x-osfp"} in dgx["interfaces"]
    assert len({one["slug"] for one in found}) == len(found)
