"""Our envelope under somebody else's DSSE: they accept what we sign and refuse what was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from pods import catalogue
from pods.acceptance import Measurement
from pods.certificate import HostReference, issue, verify
from pods.envelope import Envelope
from pods.facts import HardwareFacts
from pods.keys import SigningKey

dsse = pytest.importorskip(
    "securesystemslib.dsse", reason="the independent DSSE (securesystemslib) is not installed"
)
signer = pytest.importorskip("securesystemslib.signer", reason="the same package")
exceptions = pytest.importorskip("securesystemslib.exceptions", reason="the same package")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Any) -> SigningKey:
    return SigningKey.generate(tmp_path / "key", purpose="production")


@pytest.fixture
def envelope(key: SigningKey, make_facts: Callable[..., HardwareFacts]) -> Envelope:
    lab, facts = catalogue.load("lab-4"), make_facts()
    return issue(
        lab,
        pod="lab",
        unit="u",
        host=HostReference(name="h1", slot="r1-h1", serial=facts.serial, uuid=facts.uuid),
        facts=facts,
        measurements=[
            Measurement(test=floor.test, value=1.0, reference=1.0)
            for floor in lab.acceptance.floors
        ],
        key=key,
        now=NOW,
    )


def their_key(key: SigningKey) -> Any:
    raw = key.public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return signer.SSlibKey(key.key_id, "ed25519", "ed25519", {"public": raw.hex()})


def test_they_accept_what_we_sign(key: SigningKey, envelope: Envelope) -> None:
    theirs = dsse.Envelope.from_dict(json.loads(envelope.to_bytes()))
    assert set(theirs.verify([their_key(key)], 1)) == {key.key_id}
    assert json.loads(theirs.payload)["_type"] == "https://in-toto.io/Statement/v1"


def test_they_refuse_what_was_changed_and_another_key(
    key: SigningKey, envelope: Envelope, tmp_path: Any
) -> None:
    theirs = dsse.Envelope.from_dict(json.loads(envelope.to_bytes()))
    theirs.payload = theirs.payload.replace(b"h1", b"h2")
    with pytest.raises(exceptions.VerificationError):
        theirs.verify([their_key(key)], 1)
    other = SigningKey.generate(tmp_path / "other", purpose="production")
    whole = dsse.Envelope.from_dict(json.loads(envelope.to_bytes()))
    with pytest.raises(exceptions.VerificationError):
        whole.verify([their_key(other)], 1)


def test_we_accept_what_they_sign(key: SigningKey, envelope: Envelope) -> None:
    theirs = dsse.Envelope.from_dict(json.loads(envelope.to_bytes()))
    theirs.signatures.clear()
    theirs.sign(signer.CryptoSigner(key.private_key, their_key(key)))
    raw = json.dumps(theirs.to_dict()).encode()
    assert verify(raw, ring=key.ring(), now=NOW).key_id == key.key_id
