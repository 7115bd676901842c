"""The certificate gates scheduling: nothing is bound that a signature does not vouch for."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inventory.model import CertificateRecord, Claim, ComputeUnit, SuspendedFor
from inventory.states import ClaimState
from inventory.store.protocol import Change
from pods.keys import SigningKey
from runtime.binding import Binding
from runtime.gating import certificate_gate
from tests.unit.runtime_control.builders import (
    REAL_KEY,
    RING,
    START,
    Site,
    make_certificate,
    make_host,
    make_unit,
)

HOST = make_host("h1")
CERTIFICATE = make_certificate(HOST)
UNIT = make_unit(HOST, CERTIFICATE)


def refusal(unit: ComputeUnit, record: CertificateRecord | None, *, days: float = 0) -> str:
    known = {record.id: record} if record else {}
    return certificate_gate(known, ring=RING, now=START + timedelta(days=days))(unit)


def tampered(record: CertificateRecord, change: dict[str, Any]) -> CertificateRecord:
    """Change the signed content and leave everything else as it was."""
    envelope = dict(record.envelope)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"] |= change
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"))
    envelope["payload"] = base64.b64encode(text.encode()).decode()
    return record.model_copy(update={"envelope": envelope})


def test_an_honest_certificate_passes() -> None:
    assert refusal(UNIT, CERTIFICATE) == ""


def test_a_changed_statement_is_refused() -> None:
    assert "does not verify" in refusal(UNIT, tampered(CERTIFICATE, {"simulated": False}))


def test_a_longer_life_on_record_than_signed_does_not_help() -> None:
    record = CERTIFICATE.model_copy(update={"expires_at": START + timedelta(days=3650)})
    assert "expired at" in refusal(UNIT, record, days=91)


def test_a_key_that_is_not_trusted_is_refused() -> None:
    stranger = SigningKey(Ed25519PrivateKey.generate(), "production")
    record = make_certificate(HOST, key=stranger)
    unit = make_unit(HOST, record, simulated=False)
    assert "does not verify" in refusal(unit, record)


def test_a_simulated_unit_that_poses_as_real_is_refused() -> None:
    unit = UNIT.model_copy(update={"simulated": False})
    assert refusal(unit, CERTIFICATE) == "its certificate states another simulated than the record"


def test_a_real_certificate_serves_a_real_unit() -> None:
    host = make_host("h1", simulated=False)
    record = make_certificate(host, key=REAL_KEY)
    assert refusal(make_unit(host, record), record) == ""


@pytest.mark.parametrize("field", ["name", "pod", "host_ids"])
def test_another_units_certificate_is_refused(field: str) -> None:
    other: dict[str, Any] = {"name": "h9-u0", "pod": "other", "host_ids": ("host-h9",)}
    assert refusal(UNIT.model_copy(update={field: other[field]}), CERTIFICATE)


def test_a_certificate_that_is_gone_or_missing_is_a_reason() -> None:
    assert refusal(UNIT, None) == "its certificate is not on record"
    assert refusal(make_unit(HOST), None) == "not every host of it has a certificate"


def test_a_unit_with_a_tampered_certificate_is_never_bound(site: Site) -> None:
    stored = site.got(CertificateRecord, site.unit("h1").certificate_ids[0])
    site.write(Change(replace=(tampered(stored, {"pod": "demo", "simulated": False}),)))
    site.claim("c1", count=3)
    site.claim("c2", count=2)
    Binding(site.store, RING, site.fence).step(site.clock.now())
    assert "h1-u0 (its certificate does not verify" in site.got(Claim, "c1").why
    bound = site.got(Claim, "c2")
    assert bound.state is ClaimState.BOUND
    assert set(bound.unit_ids) == {"unit-h2", "unit-h3"}


def test_a_suspended_certificate_is_refused_although_it_verifies() -> None:
    cause = SuspendedFor(
        rule="part_changed", what="GPU0: A, now B", remedy="r", cure="accept", since=START
    )
    record = CERTIFICATE.model_copy(update={"suspended": (cause,)})
    assert refusal(UNIT, record) == "its certificate is suspended (part changed: GPU0: A, now B)"
