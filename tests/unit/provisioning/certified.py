"""A certificate's statement about given facts, signed by a key that exists only here."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pods.acceptance import Measurement
from pods.certificate import HostReference, Predicate, issue, verify
from pods.envelope import Envelope
from pods.facts import HardwareFacts
from pods.keys import SigningKey
from tests.make import NOW, lab

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), "simulated")


def envelope_about(facts: HardwareFacts) -> Envelope:
    """The lab's host, certified at noon on these facts."""
    spec = lab()
    return issue(
        spec,
        pod="lab",
        unit="r1-h1-u0",
        host=HostReference(name="r1-h1", slot="r1-h1", serial=facts.serial, uuid=facts.uuid),
        facts=facts,
        measurements=[
            Measurement(test=floor.test, value=1.0, reference=1.0)
            for floor in spec.acceptance.floors
        ],
        key=KEY,
        now=NOW,
    )


def certified(facts: HardwareFacts) -> Predicate:
    """What that certificate states."""
    return verify(envelope_about(facts).to_bytes(), ring=KEY.ring(), now=NOW).predicate
