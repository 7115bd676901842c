"""The certificate of erasure: a signed statement of what became of each drive of one host.

It is for whoever asks later what happened to their data: which drives were there, how each was
erased, what the drive itself said of it and what a read of its blocks showed. A drive that was not
erased is in it as such; leaving it out would be a lie by omission. It never expires: what was
erased then stays a fact about then, and says nothing about what was written since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from pods.canonical import canonical_json
from pods.certificate import PAYLOAD_TYPE, HostReference
from pods.envelope import Envelope, Signed, payload_of, seal, strict_json, unseal
from pods.erasing import DriveRead
from pods.errors import CertificateRefused, Refusal
from pods.keys import Keyring, SigningKey

PREDICATE_TYPE: Literal["https://podyard.dev/erasure/v1"] = "https://podyard.dev/erasure/v1"


class ErasedDrive(Signed):
    """One drive, and what became of what it held."""

    slot: str
    serial: str
    method: str
    """Empty: nothing could be tried."""
    erased: bool
    """Proven by the drive's own log, or by writing over it, and by a sample of its blocks."""
    note: str
    evidence: DriveRead | None = None
    """What was read of it; None: nobody could read it."""


class Erasure(Signed):
    """What is stated."""

    host: HostReference
    pod: str
    """Where the host was."""
    drives: tuple[ErasedDrive, ...]
    began_at: AwareDatetime
    issued_at: AwareDatetime
    simulated: bool

    @property
    def complete(self) -> bool:
        """Whether every drive was erased."""
        return all(drive.erased for drive in self.drives)


class ErasureSubject(Signed):
    """One drive, by its serial number."""

    name: str
    digest: dict[str, str] = Field(default_factory=dict)


class ErasureStatement(Signed):
    """An in-toto Statement v1."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(
        "https://in-toto.io/Statement/v1", alias="_type"
    )
    subject: tuple[ErasureSubject, ...]
    predicate_type: Literal["https://podyard.dev/erasure/v1"] = Field(
        PREDICATE_TYPE, alias="predicateType"
    )
    predicate: Erasure


def issue_erasure(
    host: HostReference,
    *,
    pod: str,
    drives: Sequence[ErasedDrive],
    began_at: datetime,
    key: SigningKey,
    now: datetime,
) -> Envelope:
    """Sign what became of these drives. A drive without evidence is none that was erased."""
    for drive in drives:
        if drive.erased and (drive.evidence is None or drive.evidence.doubts()):
            raise CertificateRefused(
                f"drive {drive.serial} of {host.name} is not proven erased",
                refusal=Refusal.INCONSISTENT,
                hint="boot the host once more for reading its drives",
            )
    predicate = Erasure(
        host=host,
        pod=pod,
        drives=tuple(drives),
        began_at=began_at.astimezone(UTC).replace(microsecond=0),
        issued_at=now.astimezone(UTC).replace(microsecond=0),
        simulated=key.purpose == "simulated",
    )
    statement = ErasureStatement(
        subject=tuple(ErasureSubject(name=f"drive/{drive.serial}") for drive in drives),
        predicate=predicate,
    )
    payload = canonical_json(statement.model_dump(mode="json"))
    return seal(payload, payload_type=PAYLOAD_TYPE, key=key)


def is_erasure(raw: bytes) -> bool:
    """Whether an envelope says that it is one; believed by nobody."""
    try:
        said = strict_json(payload_of(raw))
    except (CertificateRefused, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("predicateType") == PREDICATE_TYPE


def verify_erasure(raw: bytes, *, ring: Keyring) -> Erasure:
    """What a trusted key states, or CertificateRefused with the rule that it broke."""
    payload, key, _ = unseal(raw, payload_type=PAYLOAD_TYPE, ring=ring)
    try:
        strict_json(payload)
        found = ErasureStatement.model_validate_json(payload, by_alias=True, by_name=False)
    except (ValidationError, ValueError, RecursionError) as error:
        raise CertificateRefused(
            "the signed content is no certificate of erasure (version 1)",
            refusal=Refusal.WRONG_TYPE,
            hint="give the file that `podyard host erasures NAME` printed",
        ) from error
    erasure = found.predicate
    if erasure.simulated != (key.purpose == "simulated"):
        raise CertificateRefused(
            f"the statement says simulated: {erasure.simulated}, and its key is trusted for "
            f"{key.purpose}",
            refusal=Refusal.PURPOSE_DISAGREES,
            hint="trust a key of simulated hardware with --simulated-key alone",
        )
    for drive in erasure.drives:
        if drive.erased and (drive.evidence is None or drive.evidence.doubts()):
            raise CertificateRefused(
                f"drive {drive.serial} is stated as erased, and its own evidence speaks against it",
                refusal=Refusal.INCONSISTENT,
                hint="tell the issuer: its certificates contradict themselves",
            )
    return erasure
