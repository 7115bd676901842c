"""API keys: shown once, kept as a hash, good until their time."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from inventory.keys import KEY_FORM, in_force, mint, opens, split
from tests.unit.inventory.records import NOW


def test_a_key_opens_its_own_record_alone() -> None:
    first, text = mint("admin", now=NOW)
    second, other = mint("admin", now=NOW)
    parts, others = split(text), split(other)
    assert parts is not None
    assert others is not None
    assert parts[0] == first.id
    assert opens(first, parts[1], now=NOW)
    assert not opens(second, parts[1], now=NOW)
    assert not opens(first, others[1], now=NOW)


def test_the_record_does_not_hold_the_secret() -> None:
    record, text = mint("viewer", now=NOW)
    secret = text.split("_", 2)[2]
    assert secret not in record.model_dump_json()
    assert re.fullmatch(r"[0-9a-f]{64}", record.secret_hash)


def test_keys_have_a_form_that_scanners_find() -> None:
    for _ in range(200):  # a secret may begin with or hold an underscore
        _, text = mint("tenant", now=NOW, tenant="acme")
        assert KEY_FORM.match(text)
        assert split(text) is not None


@pytest.mark.parametrize(
    "text", ["", "pyd_", "pyd_abc_def", "sk-123", "pyd_000000000000_" + "x" * 42, "x" * 10_000]
)
def test_what_is_no_key_is_told_apart(text: str) -> None:
    assert split(text) is None


def test_a_key_is_in_force_until_its_time_or_its_revocation() -> None:
    record, _ = mint("viewer", now=NOW, valid=timedelta(hours=1))
    assert in_force(record, now=NOW + timedelta(minutes=59))
    assert not in_force(record, now=NOW + timedelta(hours=1))
    revoked = record.model_copy(update={"revoked_at": NOW + timedelta(minutes=5)})
    assert in_force(revoked, now=NOW + timedelta(minutes=4))
    assert not in_force(revoked, now=NOW + timedelta(minutes=5))
    assert in_force(mint("viewer", now=NOW)[0], now=NOW + timedelta(days=10_000))
