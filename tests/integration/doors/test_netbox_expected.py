"""Devices that people planned in NetBox are expected hosts: read there, never written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory.api import build_api
from inventory.deps import ApiDeps
from inventory.expected_hosts import ExpectedHost
from inventory.keys import mint
from inventory.netbox.settings import NetBoxSettings
from inventory.netbox.sync import NetBoxSync
from inventory.secrets import SecretBox
from inventory.store.protocol import Change
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from pods import catalogue
from tests.beds.netbox_fake import FakeNetbox, fake_netbox
from tests.migrated import fresh_store
from tests.unit.inventory.records import NOW, FixedClock, make_pod

pytestmark = pytest.mark.integration
SPEC = catalogue.load("lab-4")
RACK, SLOTS = SPEC.racks[0].name, SPEC.racks[0].slots


class Site:
    """A pod whose hosts are planned in NetBox."""

    def __init__(self, netbox: FakeNetbox, store: SqlStore, client: httpx.AsyncClient) -> None:
        self.netbox, self.store, self.client = netbox, store, client

    def make(self, path: str, **body: Any) -> int:
        (made,) = self.netbox.created(path, [body])
        return int(made["id"])

    def place(self) -> dict[str, int]:
        """The site and rack that the pod names, and what a device needs."""
        site = self.make("dcim/sites", name="here", slug="here")
        maker = self.make("dcim/manufacturers", name="Dell", slug="dell")
        return {
            "site": site,
            "rack": self.make("dcim/racks", name=RACK.upper(), site=site, u_height=42),
            "role": self.make("dcim/device-roles", name="GPU host", slug="gpu-host"),
            "device_type": self.make(
                "dcim/device-types", manufacturer=maker, model="XE9680", slug="xe9680"
            ),
        }

    def device(self, place: dict[str, int], number: int, **fields: Any) -> int:
        given = {
            "name": f"R1-H{number}",
            "serial": f"SN{number}",
            "position": SLOTS[number - 1].unit,
            "face": "front",
            **place,
            **fields,
        }
        device = self.make("dcim/devices", **given)
        self.make(
            "dcim/interfaces",
            device=device, name="bmc", type="1000base-t", mgmt_only=True,
            mac_address=f"4C:D9:8F:20:73:0{number}",
        )  # fmt: skip
        self.make(
            "dcim/interfaces",
            device=device, name="eth0", type="1000base-t", mac_address=f"4C:D9:8F:20:74:0{number}",
        )  # fmt: skip
        return device

    async def run(self, **body: Any) -> dict[str, Any]:
        begun = await self.client.post("/api/netbox/runs", json={"errand": "import", **body})
        assert begun.status_code == 202, begun.text
        for _ in range(1000):
            found = await self.client.get(f"/api/netbox/runs/{begun.json()['id']}")
            if found.json()["state"] != "running":
                return dict(found.json())
            await asyncio.sleep(0.01)
        raise AssertionError("the errand does not end")

    def rows(self) -> dict[str, ExpectedHost]:
        return {one.name: one for one in every(self.store, ExpectedHost)}


@pytest.fixture
def netbox() -> Iterator[FakeNetbox]:
    with fake_netbox() as server:
        yield server


@pytest.fixture
async def site(netbox: FakeNetbox, tmp_path: Path) -> AsyncIterator[Site]:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(netbox.token)
    store, clock = fresh_store(tmp_path), FixedClock()
    record, key = mint("operator", now=NOW)
    store.apply(Change(insert=(record, make_pod())), now=NOW)
    settings = NetBoxSettings(url=netbox.url, token_file=token)
    sync = NetBoxSync(store, clock, settings, in_thread=asyncio.to_thread, worker="w", alone=True)
    deps = ApiDeps(
        store=store, clock=clock, secrets=SecretBox.open(tmp_path / "secrets.key"),
        in_thread=asyncio.to_thread, wake=lambda: None, netbox=sync,
    )  # fmt: skip
    transport = httpx.ASGITransport(build_api(deps), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://podyard", headers=headers
    ) as client:
        yield Site(netbox, store, client)
    store.close()


async def test_devices_where_the_pod_has_slots_are_expected(site: Site) -> None:
    place = site.place()
    for number in (1, 2):
        site.device(place, number)
    site.device(place, 3, name="a-switch", position=40)
    oob = site.make("ipam/ip-addresses", address="10.20.0.1/24")
    first = next(r for r in site.netbox.rows["dcim/devices"].values() if r["name"] == "R1-H1")
    first["oob_ip"] = oob
    changes = len(site.netbox.changes)

    dry = await site.run(pod="lab", dry_run=True)
    assert (dry["state"], dry["result"]["created"]) == ("done", 2), dry
    assert not site.rows()
    done = await site.run(pod="lab")

    assert done["result"]["written"]
    rows = site.rows()
    assert set(rows) == {"r1-h1", "r1-h2"}
    assert (rows["r1-h1"].slot, rows["r1-h1"].serial) == (SLOTS[0].slot, "SN1")
    assert rows["r1-h1"].macs == ("4c:d9:8f:20:73:01",)
    assert rows["r1-h1"].bmc == "redfish+https://10.20.0.1"
    assert rows["r1-h2"].bmc == ""
    assert rows["r1-h1"].source == "netbox"
    assert len(site.netbox.changes) == changes


async def test_a_device_without_a_serial_number_is_a_fault_with_its_id(site: Site) -> None:
    place = site.place()
    site.device(place, 1)
    wanting = site.device(place, 2, serial="")
    done = await site.run(pod="lab")
    (fault,) = done["result"]["faults"]
    assert (fault["line"], fault["column"]) == (wanting, "serial")
    assert not done["result"]["written"]
    assert not site.rows()


async def test_a_pod_that_nobody_planned_is_told(site: Site) -> None:
    site.place()
    done = await site.run(pod="lab")
    assert "no device stands where pod lab has its slots" in done["result"]["faults"][0]["message"]


async def test_a_site_that_netbox_does_not_know_fails_with_a_hint(site: Site) -> None:
    done = await site.run(pod="lab")
    assert done["state"] == "failed"
    assert done["hint"]


async def test_an_unknown_pod_is_refused_before_anything_is_asked(site: Site) -> None:
    body = {"errand": "import", "pod": "nowhere"}
    assert (await site.client.post("/api/netbox/runs", json=body)).status_code == 404
