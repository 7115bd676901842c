"""Revocation and rotation: each refusal its own, old lists prove guilt but never innocence."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pods import catalogue
from pods.acceptance import Measurement
from pods.canonical import canonical_json
from pods.certificate import HostReference, Verified, issue, verify
from pods.envelope import envelope_digest, seal
from pods.errors import CertificateRefused, KeyRefused, Refusal
from pods.facts import HardwareFacts
from pods.keys import Purpose, SigningKey, TrustedKey, keyring
from pods.revocation import (
    REVOCATIONS_TYPE,
    RevokedCertificate,
    RevokedKey,
    issue_revocations,
    read_revocations,
)
from pods.rotation import rotate, with_rotations

MakeFacts = Callable[..., HardwareFacts]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
LAB = catalogue.load("lab-4")


def new_key(seed: int, purpose: Purpose = "production") -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32), purpose)


OLD, NEW, NEXT, OTHER = new_key(1), new_key(2), new_key(3), new_key(4)
RING = OLD.ring()


@pytest.fixture
def certificate(make_facts: MakeFacts) -> Callable[..., bytes]:
    def make(key: SigningKey = OLD, *, now: datetime = NOW) -> bytes:
        facts = make_facts()
        return issue(
            LAB,
            pod="lab",
            unit="u",
            host=HostReference(name="h1", slot="r1-h1", serial=facts.serial, uuid=facts.uuid),
            facts=facts,
            measurements=[
                Measurement(test=floor.test, value=1.0, reference=1.0)
                for floor in LAB.acceptance.floors
            ],
            key=key,
            now=now,
        ).to_bytes()

    return make


def revoked(raw: bytes) -> RevokedCertificate:
    return RevokedCertificate(
        certificate=envelope_digest(raw), revoked_at=NOW, reason="board stolen"
    )


def checked(
    raw: bytes, listed: bytes, *, ring: dict[str, TrustedKey] = RING, now: datetime = LATER
) -> Verified:
    return verify(raw, ring=ring, now=now, revocations=read_revocations(listed, ring=ring))


def refused(act: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[Refusal, str]:
    with pytest.raises(CertificateRefused) as caught:
        act(*arguments, **named)
    assert caught.value.hint
    return caught.value.refusal, str(caught.value)


def a_list(key: SigningKey = OLD, **given: Any) -> bytes:
    return issue_revocations(**({"number": 1, "key": key, "now": NOW} | given)).to_bytes()


def test_without_a_list_the_answer_does_not_claim_that_one_was_read(
    certificate: Callable[..., bytes],
) -> None:
    assert verify(certificate(), ring=RING, now=NOW).revocations is None


def test_a_list_that_does_not_name_it_lets_it_pass_and_is_named(
    certificate: Callable[..., bytes],
) -> None:
    found = checked(certificate(), a_list(number=7)).revocations
    assert found is not None
    assert (found.list.number, found.list.issued_at) == (7, NOW)


def test_a_revoked_certificate_says_when_and_why(certificate: Callable[..., bytes]) -> None:
    raw = certificate()
    refusal, message = refused(checked, raw, a_list(certificates=[revoked(raw)]))
    assert refusal is Refusal.REVOKED
    assert "board stolen" in message
    assert "2026-03-01" in message


def test_a_certificate_is_named_by_its_content_not_by_its_layout(
    certificate: Callable[..., bytes],
) -> None:
    raw = certificate()
    laid_out = json.dumps(json.loads(raw), indent=2).encode()
    assert refused(checked, laid_out, a_list(certificates=[revoked(raw)]))[0] is Refusal.REVOKED


def test_a_revoked_key_takes_everything_with_it(certificate: Callable[..., bytes]) -> None:
    ring = keyring((OLD.public_key, "production"), (NEW.public_key, "production"))
    stolen = RevokedKey(key_id=OLD.key_id, revoked_at=NOW, reason="laptop lost")
    listed = a_list(NEW, keys=[stolen], replaced_keys=[OLD.key_id])
    refusal, message = refused(checked, certificate(), listed, ring=ring)
    assert refusal is Refusal.KEY_REVOKED
    assert "laptop lost" in message
    assert checked(certificate(NEW), listed, ring=ring).key_id == NEW.key_id


def test_a_list_by_a_key_that_it_revokes_vouches_for_nothing(
    certificate: Callable[..., bytes],
) -> None:
    stolen = RevokedKey(key_id=OLD.key_id, revoked_at=NOW, reason="laptop lost")
    ring = keyring((OLD.public_key, "production"), (NEW.public_key, "production"))
    listed = a_list(keys=[stolen], replaced_keys=[NEW.key_id])
    assert refused(checked, certificate(NEW), listed, ring=ring)[0] is Refusal.KEY_REVOKED


def test_an_old_list_proves_guilt_but_not_innocence(certificate: Callable[..., bytes]) -> None:
    raw, late = certificate(), NOW + timedelta(days=8)
    assert refused(checked, raw, a_list(), now=late)[0] is Refusal.REVOCATIONS_STALE
    guilty = a_list(certificates=[revoked(raw)])
    assert refused(checked, raw, guilty, now=late)[0] is Refusal.REVOKED


def test_a_list_from_the_future_is_refused(certificate: Callable[..., bytes]) -> None:
    listed = a_list(now=LATER + timedelta(hours=1))
    assert refused(checked, certificate(), listed)[0] is Refusal.NOT_YET_VALID


def test_what_a_retired_key_lists_later_is_not_believed(
    certificate: Callable[..., bytes],
) -> None:
    ring = with_rotations(RING, [rotate(OLD, NEW, now=NOW, overlap_days=0).to_bytes()])
    assert checked(certificate(), a_list(now=NOW), ring=ring).revocations
    found = refused(checked, certificate(), a_list(now=LATER), ring=ring)
    assert found[0] is Refusal.KEY_RETIRED


def test_another_issuers_list_says_nothing(certificate: Callable[..., bytes]) -> None:
    ring = keyring((OLD.public_key, "production"), (OTHER.public_key, "production"))
    listed = a_list(OTHER)
    assert refused(checked, certificate(), listed, ring=ring)[0] is Refusal.REVOCATIONS_FOREIGN


def test_nobody_speaks_for_another_trusted_issuers_key(certificate: Callable[..., bytes]) -> None:
    ring = keyring((OLD.public_key, "production"), (OTHER.public_key, "production"))
    listed = a_list(OTHER, replaced_keys=[OLD.key_id])
    refusal, message = refused(checked, certificate(), listed, ring=ring)
    assert refusal is Refusal.REVOCATIONS_FOREIGN
    assert f"revocation not checked for key {OLD.key_id[:16]}" in message
    turned = with_rotations(ring, [rotate(OTHER, OLD, now=NOW).to_bytes()])  # the other way round
    assert refused(checked, certificate(), listed, ring=turned)[0] is Refusal.REVOCATIONS_FOREIGN


def test_a_key_speaks_for_those_that_handed_over_to_it(certificate: Callable[..., bytes]) -> None:
    first, second = rotate(OLD, NEW, now=NOW).to_bytes(), rotate(NEW, NEXT, now=NOW).to_bytes()
    listed = a_list(NEXT, replaced_keys=[OLD.key_id])
    for known in (RING, keyring(*((k.public_key, "production") for k in (OLD, NEW, NEXT)))):
        for order in ([first, second], [second, first]):
            ring = with_rotations(known, order)
            assert checked(certificate(), listed, ring=ring).revocations
    raw = certificate()
    guilty = a_list(NEXT, replaced_keys=[OLD.key_id], certificates=[revoked(raw)])
    ring = with_rotations(RING, [second, first])
    assert refused(checked, raw, guilty, ring=ring)[0] is Refusal.REVOKED


def test_keys_that_hand_over_in_a_circle_end(certificate: Callable[..., bytes]) -> None:
    ring = with_rotations(
        RING, [rotate(OLD, NEW, now=NOW).to_bytes(), rotate(NEW, OLD, now=NOW).to_bytes()]
    )
    assert checked(certificate(), a_list(NEW, replaced_keys=[OLD.key_id]), ring=ring).revocations


def test_a_list_by_an_unknown_key_or_of_another_type_is_refused(
    certificate: Callable[..., bytes],
) -> None:
    assert refused(read_revocations, a_list(OTHER), ring=RING)[0] is Refusal.UNKNOWN_KEY
    refusal, message = refused(read_revocations, certificate(), ring=RING)
    assert refusal is Refusal.WRONG_TYPE
    assert "revocations+json" in message
    assert refused(verify, a_list(), ring=RING, now=NOW)[0] is Refusal.WRONG_TYPE


def test_a_flipped_bit_in_a_list_is_a_bad_signature() -> None:
    value = json.loads(a_list(number=1))
    other = json.loads(a_list(number=2))
    value["payload"] = other["payload"]
    refusal, message = refused(read_revocations, canonical_json(value), ring=RING)
    assert refusal is Refusal.BAD_SIGNATURE
    assert "revocation list" in message or "signature" in message


def test_a_list_for_simulated_hardware_needs_a_key_of_that_purpose() -> None:
    said = a_list(new_key(1, "simulated"))
    assert refused(read_revocations, said, ring=RING)[0] is Refusal.PURPOSE_DISAGREES


def test_what_is_signed_but_no_list_is_malformed() -> None:
    sealed = seal(b'{"version":2}', payload_type=REVOCATIONS_TYPE, key=OLD).to_bytes()
    assert refused(read_revocations, sealed, ring=RING)[0] is Refusal.MALFORMED


# Rotation


def rotated(overlap_days: int = 30) -> dict[str, TrustedKey]:
    raw = rotate(OLD, NEW, now=LATER, overlap_days=overlap_days).to_bytes()
    return with_rotations(RING, [raw])


def test_who_trusts_the_old_key_learns_the_new_one(certificate: Callable[..., bytes]) -> None:
    ring, at = rotated(), LATER + timedelta(days=2)
    assert verify(certificate(NEW, now=at), ring=ring, now=at).key_id == NEW.key_id


def test_in_the_overlap_both_keys_sign(certificate: Callable[..., bytes]) -> None:
    ring, at = rotated(), LATER + timedelta(days=29)
    for key in (OLD, NEW):
        assert verify(certificate(key, now=at), ring=ring, now=at).key_id == key.key_id


def test_after_the_overlap_the_old_keys_new_certificates_are_refused_not_its_old_ones(
    certificate: Callable[..., bytes],
) -> None:
    ring, at = rotated(), LATER + timedelta(days=31)
    assert verify(certificate(OLD), ring=ring, now=at)
    refusal, message = refused(verify, certificate(OLD, now=at), ring=ring, now=at)
    assert refusal is Refusal.KEY_RETIRED
    assert "retired at" in message


def test_the_new_key_does_not_sign_for_the_time_before_it(
    certificate: Callable[..., bytes],
) -> None:
    assert refused(verify, certificate(NEW), ring=rotated(), now=LATER)[0] is Refusal.KEY_NOT_YET


def test_rotations_chain_in_any_order_and_only_from_a_trusted_key(
    certificate: Callable[..., bytes],
) -> None:
    first = rotate(OLD, NEW, now=NOW).to_bytes()
    second = rotate(NEW, NEXT, now=LATER).to_bytes()
    at = LATER + timedelta(days=1)
    ring = with_rotations(RING, [second, first])
    assert verify(certificate(NEXT, now=at), ring=ring, now=at).key_id == NEXT.key_id
    assert refused(with_rotations, RING, [second])[0] is Refusal.UNKNOWN_KEY


def test_a_retired_key_hands_over_to_nobody() -> None:
    retired = with_rotations(RING, [rotate(OLD, NEW, now=NOW, overlap_days=0).to_bytes()])
    late = rotate(OLD, OTHER, now=LATER).to_bytes()
    assert refused(with_rotations, retired, [late])[0] is Refusal.KEY_RETIRED


def test_a_key_never_changes_its_purpose_on_the_way() -> None:
    with pytest.raises(KeyRefused, match="cannot hand over"):
        rotate(OLD, new_key(2, "simulated"), now=NOW)
    ring = keyring((OLD.public_key, "production"), (NEW.public_key, "simulated"))
    with pytest.raises(KeyRefused, match="both for production and for simulated"):
        with_rotations(ring, [rotate(OLD, NEW, now=NOW).to_bytes()])
    as_simulated = new_key(1, "simulated")
    said = rotate(as_simulated, new_key(2, "simulated"), now=NOW).to_bytes()
    assert refused(with_rotations, RING, [said])[0] is Refusal.INCONSISTENT


def test_a_key_cannot_follow_itself_nor_leave_a_gap() -> None:
    with pytest.raises(KeyRefused, match="is the old one"):
        rotate(OLD, OLD, now=NOW)
    with pytest.raises(KeyRefused, match="nobody to sign"):
        rotate(OLD, NEW, now=NOW, overlap_days=-1)
