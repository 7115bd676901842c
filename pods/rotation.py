"""Handing over from one signing key to the next, signed by the old one, with an overlap.

Whoever trusts the old key learns the new one from the old one's own word, without a new exchange
of keys by hand. During the overlap both sign, so no host loses its certificate on the day; what
the old key dates later than that is not believed. A stolen key can back-date: against theft only a
revocation list helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from pods.canonical import canonical_json
from pods.envelope import Envelope, Signed, seal, strict_json, unseal
from pods.errors import CertificateRefused, KeyRefused, Refusal
from pods.keys import Keyring, SigningKey, TrustedKey, key_id, public_key_from_pem

ROTATION_TYPE = "application/vnd.podyard.key-rotation+json"
WHAT = "key rotation"

OVERLAP_DAYS = 30
"""A month: every verifier has fetched the rotation before the old key falls silent."""


class Rotation(Signed):
    """From when the new key signs, and until when the old one does."""

    version: Literal[1] = 1
    old_key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    new_key_pem: str
    simulated: bool
    signs_from: AwareDatetime
    old_signs_until: AwareDatetime


def rotate(
    old: SigningKey, new: SigningKey, *, now: datetime, overlap_days: int = OVERLAP_DAYS
) -> Envelope:
    """The old key's word for the new one."""
    if old.purpose != new.purpose:
        raise KeyRefused(
            f"a key for {old.purpose} hardware cannot hand over to one for {new.purpose} hardware",
            hint="rotate each of the two keys by itself",
        )
    if old.key_id == new.key_id:
        raise KeyRefused("the new key is the old one", hint="make a new key first")
    if overlap_days < 0:
        raise KeyRefused(
            f"an overlap of {overlap_days} days would leave nobody to sign",
            hint="give 0 days or more",
        )
    at = now.astimezone(UTC).replace(microsecond=0)
    made = Rotation(
        old_key_id=old.key_id,
        new_key_pem=new.public_pem().decode(),
        simulated=old.purpose == "simulated",
        signs_from=at,
        old_signs_until=at + timedelta(days=overlap_days),
    )
    return seal(canonical_json(made.model_dump(mode="json")), payload_type=ROTATION_TYPE, key=old)


def with_rotations(ring: Keyring, rotations: Sequence[bytes]) -> dict[str, TrustedKey]:
    """The ring after these hand-overs, in whatever order they are given."""
    found, left = dict(ring), list(rotations)
    while left:
        refused: list[tuple[bytes, CertificateRefused]] = []
        for raw in left:
            try:
                found = _with_rotation(found, raw)
            except CertificateRefused as error:
                refused.append((raw, error))
        if len(refused) == len(left):  # none of them is by a key that became known meanwhile
            raise refused[0][1]
        left = [raw for raw, _ in refused]
    return found


def _with_rotation(ring: Keyring, raw: bytes) -> dict[str, TrustedKey]:
    payload, old, name = unseal(raw, payload_type=ROTATION_TYPE, ring=ring, what=WHAT)
    rotation = _rotation(payload)
    if rotation.old_key_id != name or rotation.simulated != (old.purpose == "simulated"):
        raise CertificateRefused(
            "the key rotation is not about the key that signed it, or not for its purpose",
            refusal=Refusal.INCONSISTENT,
            hint="tell the issuer: its rotations contradict themselves",
        )
    if old.signs_until is not None and rotation.signs_from > old.signs_until:
        raise CertificateRefused(
            f"key {name[:16]}… was retired at {old.signs_until.isoformat()}, before it handed over",
            refusal=Refusal.KEY_RETIRED,
            hint="get the rotation by the key that replaced it",
        )
    new = public_key_from_pem(rotation.new_key_pem.encode(), source="the key rotation")
    added = TrustedKey(new, old.purpose, signs_from=rotation.signs_from)
    known = ring.get(key_id(new))
    if known is not None and known.purpose != old.purpose:
        raise KeyRefused(
            f"key {key_id(new)[:16]}… is trusted both for production and for simulated hardware",
            hint="sign simulated statements with a key of their own",
        )
    until = min(filter(None, (old.signs_until, rotation.old_signs_until)))
    after = known or added
    after = replace(after, replaces=after.replaces | {name})
    return {**ring, name: replace(old, signs_until=until), key_id(new): after}


def replaced_by(name: str, *, ring: Keyring) -> frozenset[str]:
    """The keys that handed over to this one, and those that had handed over to them."""
    found: set[str] = set()
    left = [name]
    while left:
        key = ring.get(left.pop())
        more = key.replaces - found if key else frozenset()
        found |= more
        left.extend(more)
    return frozenset(found)


def _rotation(payload: bytes) -> Rotation:
    try:
        strict_json(payload)
        return Rotation.model_validate_json(payload)
    except (ValidationError, ValueError, RecursionError) as error:
        raise CertificateRefused(
            "the signed content is not a podyard key rotation (version 1)",
            refusal=Refusal.MALFORMED,
            hint="a later podyard may have written it: verify with that version",
        ) from error
