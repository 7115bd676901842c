"""The page of expected hosts: who is awaited, whom the networks showed, and what to do next."""

from __future__ import annotations

from inventory.expected_hosts import ExpectedHost
from inventory.found_bmcs import BmcNetwork, FoundBmc
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW

EVIL = "<img src=x onerror=alert(1)>"


async def page(site: Site, key: str, path: str = "/expected") -> str:
    reply = await site.ask("GET", path, key=key)
    assert reply.status_code == 200, reply.text
    return reply.text


async def test_an_empty_page_says_what_to_do(site: Site, admin: str) -> None:
    text = await page(site, admin)
    assert "podyard host import FILE --dry-run" in text
    assert "podyard bmc network NAME CIDR" in text
    site.put(BmcNetwork(name="n", cidr="10.20.0.0/24"))
    assert "10.20.0.0/24" in await page(site, admin)


async def test_rows_and_strangers_stand_side_by_side_and_nothing_they_say_is_markup(
    site: Site, admin: str
) -> None:
    site.put(
        ExpectedHost(id="e1", name="r1-h1", pod="lab", slot="s1", serial="SN1", enrol=True),
        ExpectedHost(id="e2", name="r1-h2", pod="lab", slot="s2", serial="SN2", why=EVIL),
        ExpectedHost(id="e3", name="r1-h3", pod="lab", slot="s3", serial="SN3", host_id="h3"),
        FoundBmc(
            id="f1", address="redfish+https://10.20.0.7", ip="10.20.0.7", network="n",
            vendor=EVIL, why="no expected host has its serial number", first_seen_at=NOW,
            seen_at=NOW,
        ),
    )  # fmt: skip
    text = await page(site, admin)
    assert "r1-h1" in text
    assert "r1-h3" not in text
    assert "redfish+https://10.20.0.7" in text
    assert EVIL not in text
    assert "2 are no host yet; 1 BMCs are nobody" in text
    assert "r1-h2" not in await page(site, admin, "/expected?q=SN1")
