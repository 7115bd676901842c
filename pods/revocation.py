"""The signed, dated list of certificates and keys that must not be believed any more.

A certificate verifies without the service, so nobody can call it back; a list can be carried to
where it is verified. It is dated twice: when it was made, and when the next one is due. An old
list still proves that something was revoked, but never that nothing was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from pods.canonical import canonical_json
from pods.envelope import Envelope, Sha256, Signed, seal, strict_json, unseal
from pods.errors import CertificateRefused, Refusal
from pods.keys import Keyring, SigningKey, TrustedKey
from pods.rotation import replaced_by

REVOCATIONS_TYPE = "application/vnd.podyard.revocations+json"
WHAT = "revocation list"

CLOCK_SKEW = timedelta(minutes=5)
"""As for certificates."""

VALID_DAYS = 7
"""A week: long enough to carry it to a hall without a network, short enough to matter."""

KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RevokedCertificate(Signed):
    """One certificate, named by the digest of its envelope."""

    certificate: Sha256
    revoked_at: AwareDatetime
    reason: str


class RevokedKey(Signed):
    """One key: whatever it signed, at whatever date, is not believed. For a key that was stolen."""

    key_id: KeyId
    revoked_at: AwareDatetime
    reason: str


class RevocationList(Signed):
    """What the issuer took back."""

    version: Literal[1] = 1
    number: Annotated[int, Field(ge=1)]
    """Grows by one with each list, so that two lists can be told apart in time."""
    issued_at: AwareDatetime
    next_update: AwareDatetime
    simulated: bool
    speaks_for: tuple[KeyId, ...]
    """Keys whose certificates it covers: the signer's, and those that the signer replaced.

    A claim: who reads the list believes it only of keys that handed over to the signer.
    """
    certificates: tuple[RevokedCertificate, ...] = ()
    keys: tuple[RevokedKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Revocations:
    """A list whose signature was verified, and the key that signed it."""

    list: RevocationList
    key_id: str
    replaced: frozenset[str] = frozenset()
    """Keys that handed over to that key, by rotations that were given."""

    def covers(self, key_id: str) -> bool:
        """Whether what the list does not name, of this key's, is not revoked."""
        return key_id in self.list.speaks_for and key_id in {self.key_id, *self.replaced}


def issue_revocations(
    *,
    certificates: Sequence[RevokedCertificate] = (),
    keys: Sequence[RevokedKey] = (),
    number: int,
    key: SigningKey,
    now: datetime,
    valid_days: int = VALID_DAYS,
    replaced_keys: Sequence[str] = (),
) -> Envelope:
    """Sign a list. It replaces the one before it, so it names everything that is still revoked."""
    issued_at = now.astimezone(UTC).replace(microsecond=0)
    made = RevocationList(
        number=number,
        issued_at=issued_at,
        next_update=issued_at + timedelta(days=valid_days),
        simulated=key.purpose == "simulated",
        speaks_for=(key.key_id, *replaced_keys),
        certificates=tuple(certificates),
        keys=tuple(keys),
    )
    return seal(
        canonical_json(made.model_dump(mode="json")), payload_type=REVOCATIONS_TYPE, key=key
    )


def read_revocations(raw: bytes, *, ring: Keyring) -> Revocations:
    """The list in these bytes, or `CertificateRefused`; its dates are checked when it is used."""
    payload, key, name = unseal(raw, payload_type=REVOCATIONS_TYPE, ring=ring, what=WHAT)
    try:
        strict_json(payload)
        found = RevocationList.model_validate_json(payload)
    except (ValidationError, ValueError, RecursionError) as error:
        raise CertificateRefused(
            "the signed content is not a podyard revocation list (version 1)",
            refusal=Refusal.MALFORMED,
            hint="a later podyard may have written it: verify with that version",
        ) from error
    if found.simulated != (key.purpose == "simulated"):
        raise CertificateRefused(
            "the revocation list and the purpose that its key is trusted for disagree",
            refusal=Refusal.PURPOSE_DISAGREES,
            hint="trust the key for what it signs: --key for real, --simulated-key for simulated",
        )
    if key.signs_until is not None and found.issued_at > key.signs_until:
        raise CertificateRefused(
            f"the revocation list is dated {found.issued_at.isoformat()}, and key {name[:16]}… was "
            f"retired at {key.signs_until.isoformat()}",
            refusal=Refusal.KEY_RETIRED,
            hint="get the list by the issuer's new key",
        )
    return Revocations(found, name, replaced_by(name, ring=ring))


def check_not_revoked(
    certificate: str, *, signed_by: str, key: TrustedKey, revocations: Revocations, now: datetime
) -> None:
    """Refuse what the list names, and then a list that cannot vouch for anything."""
    found = revocations.list
    for revoked_key in found.keys:
        if revoked_key.key_id in {signed_by, revocations.key_id}:
            raise CertificateRefused(
                f"key {revoked_key.key_id[:16]}… was revoked at "
                f"{revoked_key.revoked_at.isoformat()}: {revoked_key.reason}",
                refusal=Refusal.KEY_REVOKED,
                hint="accept the host again: that issues a certificate by the issuer's new key",
            )
    for revoked in found.certificates:
        if revoked.certificate == certificate:
            raise CertificateRefused(
                f"revoked at {revoked.revoked_at.isoformat()}: {revoked.reason}",
                refusal=Refusal.REVOKED,
                hint="do not use this host on this certificate; ask its issuer for the next one",
            )
    if signed_by not in found.speaks_for or found.simulated != (key.purpose == "simulated"):
        raise CertificateRefused(
            f"the revocation list does not speak for key {signed_by[:16]}…, "
            "which signed this certificate",
            refusal=Refusal.REVOCATIONS_FOREIGN,
            hint="get the list of the certificate's own issuer",
        )
    if not revocations.covers(signed_by):
        raise CertificateRefused(
            f"revocation not checked for key {signed_by[:16]}…, which signed this certificate: "
            f"the list by key {revocations.key_id[:16]}… claims to speak for it, and no rotation "
            "says that the one handed over to the other",
            refusal=Refusal.REVOCATIONS_FOREIGN,
            hint="give the issuer's hand-over by --rotation, or the list by the certificate's own "
            "key",
        )
    _check_dates(found, now)


def _check_dates(found: RevocationList, now: datetime) -> None:
    if found.issued_at - now > CLOCK_SKEW:
        raise CertificateRefused(
            f"the revocation list is dated {found.issued_at.isoformat()}, which is in the future",
            refusal=Refusal.NOT_YET_VALID,
            hint="check this machine's clock, then the issuer's",
        )
    if now >= found.next_update:
        raise CertificateRefused(
            f"the revocation list is of {found.issued_at.isoformat()}; the next one was due at "
            f"{found.next_update.isoformat()}",
            refusal=Refusal.REVOCATIONS_STALE,
            hint="get the newest list from the issuer: this one cannot say what came after it",
        )
