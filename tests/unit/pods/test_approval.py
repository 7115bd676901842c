"""Who approved a bring-up stands in its certificates, signed; older ones without it stay good."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from pods.acceptance import Measurement
from pods.canonical import canonical_json
from pods.certificate import (
    PAYLOAD_TYPE,
    Approval,
    HostReference,
    issue,
    read_unverified,
    verify,
)
from pods.envelope import payload_of, seal
from pods.facts import HardwareFacts
from pods.keys import SigningKey
from pods.render import approved_by
from pods.spec import PodSpec

MakeFacts = Callable[..., HardwareFacts]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32), "production")
APPROVAL = Approval(by="operator key 1a2b", plan_digest="sha256:" + "a" * 64, at=NOW)


@pytest.fixture
def certify(lab: PodSpec, make_facts: MakeFacts) -> Callable[[Approval | None], bytes]:
    facts = make_facts()
    host = HostReference(name="h1", slot="r1-h1", serial=facts.serial, uuid=facts.uuid)

    def made(approved: Approval | None) -> bytes:
        return issue(
            lab,
            pod="lab",
            unit="u",
            host=host,
            facts=facts,
            measurements=[
                Measurement(test=floor.test, value=1.0, reference=1.0)
                for floor in lab.acceptance.floors
            ],
            key=KEY,
            now=NOW,
            approved=approved,
        ).to_bytes()

    return made


def test_who_approved_which_plan_is_signed_and_told(certify: Any) -> None:
    said = verify(certify(APPROVAL), ring=KEY.ring(), now=NOW).predicate
    assert said.approved == APPROVAL
    assert "operator key 1a2b" in approved_by(said)
    assert APPROVAL.plan_digest in approved_by(said)


def test_a_certificate_of_before_it_was_recorded_still_verifies(certify: Any) -> None:
    statement = json.loads(payload_of(certify(None)))
    del statement["predicate"]["approved"]  # as an earlier podyard wrote it
    old = seal(canonical_json(statement), payload_type=PAYLOAD_TYPE, key=KEY).to_bytes()
    said = verify(old, ring=KEY.ring(), now=NOW).predicate
    assert said.approved is None
    assert approved_by(said) == "not recorded"
    assert read_unverified(old).predicate == said


def test_an_approval_without_the_plan_that_was_approved_is_none() -> None:
    with pytest.raises(ValidationError):
        Approval(by="somebody", plan_digest="", at=NOW)
