"""What a claim may ask for: units or an amount for a profile, how close, over how many feeds."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.model import Claim
from tests.unit.inventory.conftest import Site

AMOUNT = {"class": "gb200", "b200_equivalents": 6.5, "profile": "decode", "within": "domain"}


async def test_an_amount_for_a_profile_in_one_domain_is_a_claim(site: Site) -> None:
    acme = site.key("tenant", "acme")
    made = await site.ask("POST", "/api/claims", AMOUNT, key=acme)
    assert made.status_code == 201
    claim = site.store.get(Claim, made.json()["id"])
    assert claim is not None
    assert (claim.count, claim.b200_equivalents, claim.within) == (0, 6.5, "domain")
    assert claim.wants == "6.5 B200-equivalents for decode of gb200 in one domain"
    shown = await site.ask("GET", f"/api/claims/{claim.id}", key=acme)
    assert shown.json()["display"] == "acme: 6.5 x gb200"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**AMOUNT, "count": 2}, "count"),
        ({**AMOUNT, "profile": ""}, "profile"),
        ({"class": "gb200", "profile": "decode"}, "profile"),
        ({"class": "gb200", "count": 2, "feeds_min": 3}, "feeds_min"),
    ],
)
async def test_what_cannot_mean_anything_is_refused(
    site: Site, body: dict[str, Any], path: str
) -> None:
    refused = await site.ask("POST", "/api/claims", body, key=site.key("tenant", "acme"))
    assert refused.status_code == 422
    assert refused.json()["error"]["path"] == path
    assert site.store.count(Claim) == 0


@pytest.mark.parametrize("change", [{"within": "rack"}, {"feeds_min": 2}])
async def test_another_shape_under_one_idempotency_key_is_another_request(
    site: Site, change: dict[str, Any]
) -> None:
    acme = site.key("tenant", "acme")
    body = {"class": "b200", "count": 2}
    for asked, status in ((body, 201), (body, 200), (body | change, 422)):
        reply = await site.ask("POST", "/api/claims", asked, key=acme, Idempotency_Key="once")
        assert reply.status_code == status
