"""What differs from a spec is told whole: its effect, what it means, what to do."""

from __future__ import annotations

from inventory.model import CertificateRecord, SuspendedFor
from pods.match_finding import blocks, notes
from tests.make import NOW, make_host
from tests.unit.inventory.conftest import Site

MISSING = blocks("memory.modules", 4, 3, meaning="less memory", remedy="seat a module")
WORN = notes("drives.D.life_left_percent", 90, 40, meaning="not new", remedy="ask for a new one")
CAUSE = SuspendedFor(
    rule="part_changed", what="accelerator GPU0: A, now B", remedy="r", cure="accept", since=NOW
)


def certificate(name: str, day: int, *causes: SuspendedFor) -> CertificateRecord:
    return CertificateRecord(
        id=name,
        host_id="host-1",
        host="r1-h1",
        envelope={},
        issued_at=NOW.replace(day=day),
        expires_at=NOW.replace(month=6),
        simulated=True,
        facts_digest="sha256:0",
        suspended=causes,
    )


async def test_each_mismatch_says_its_effect_and_what_to_do(site: Site, admin: str) -> None:
    site.put(make_host(mismatches=(MISSING, WORN)))
    for path in ("/api/hosts/r1-h1", "/api/hosts/r1-h1/why"):
        found = (await site.ask("GET", path, key=admin)).json()["mismatches"]
        assert [one["effect"] for one in found] == ["blocks", "notes"]
        assert found[0]["told"] == (
            "blocks: memory.modules: wanted 4, found 3 (less memory); seat a module"
        )


async def test_why_says_that_the_certificate_is_suspended_until_another_is_issued(
    site: Site, admin: str
) -> None:
    site.put(make_host(), certificate("old", 1, CAUSE))
    why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    assert [one["what"] for one in why["suspended"]] == [CAUSE.what]

    site.put(certificate("new", 2))
    why = (await site.ask("GET", "/api/hosts/r1-h1/why", key=admin)).json()
    assert why["suspended"] == []
    listed = (await site.ask("GET", "/api/certificates", key=admin)).json()["results"]
    assert {one["id"]: bool(one["suspended"]) for one in listed} == {"old": True, "new": False}
