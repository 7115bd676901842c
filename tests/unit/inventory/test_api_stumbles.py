"""What scripts stumbled over: parameters and bodies that were taken and did nothing."""

from __future__ import annotations

import pytest

from inventory.parts import Part
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, make_host


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
