"""The signed statement that makes a host a compute unit: what it is, what it reached, until when.

An in-toto Statement (v1) in a DSSE envelope, signed by Ed25519, so that other people's tools can
read it and anybody can verify it with the public key alone, without the service. `simulated`
stands inside the signed part and must agree with the purpose under which the key is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from pods.acceptance import PEER_SHARE, Line, Measurement, judge
from pods.canonical import canonical_json
from pods.envelope import (
    Envelope,
    Sha256,
    Signed,
    envelope_digest,
    payload_of,
    seal,
    strict_json,
    unseal,
)
from pods.errors import CertificateRefused, Refusal, shown
from pods.facts import HardwareFacts
from pods.keys import Keyring, SigningKey, TrustedKey
from pods.rating import Rating, rate
from pods.revocation import Revocations, check_not_revoked
from pods.spec import PodSpec

PAYLOAD_TYPE = "application/vnd.in-toto+json"

CLOCK_SKEW = timedelta(minutes=5)
"""How far the issuer's clock may run ahead of the verifier's: NTP on a sick host drifts so far."""


class SpecReference(Signed):
    """Which design the host was held against."""

    identity: str
    digest: Sha256


class HostReference(Signed):
    """Which host this is, by what a technician can read on it and what its BMC says."""

    name: str
    slot: str
    serial: str
    uuid: str


class Approval(Signed):
    """Who let the bring-up begin that ended in this certificate, and what they were shown."""

    by: str
    plan_digest: Sha256
    at: AwareDatetime

    def __str__(self) -> str:
        return f"{self.by} at {self.at.isoformat()}, plan {self.plan_digest}"


class Predicate(Signed):
    """What is stated about the subject."""

    pod: str
    unit: str
    host: HostReference
    spec: SpecReference
    facts_digest: Sha256
    firmware: dict[str, str]
    measurements: tuple[Measurement, ...]
    results: tuple[Line, ...]
    rating: Rating
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    simulated: bool
    supersedes: Sha256 | None = None
    """Digest of the envelope that this one replaces."""
    approved: Approval | None = None
    """Absent from certificates of before it was recorded, which stay good."""
    skipped: dict[str, str] | None = None
    """Tests that could not be run on this host, and why; no floor of its spec stands on them."""


class Subject(Signed):
    """What the statement is about, bound to the facts that were true when it was made."""

    name: str
    digest: dict[Literal["sha256"], str]


class Statement(Signed):
    """An in-toto Statement v1."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(
        "https://in-toto.io/Statement/v1", alias="_type"
    )
    subject: tuple[Subject, ...]
    predicate_type: Literal["https://podyard.dev/certificate/v1"] = Field(
        "https://podyard.dev/certificate/v1", alias="predicateType"
    )
    predicate: Predicate

    def to_bytes(self) -> bytes:
        """The canonical JSON that is signed."""
        return canonical_json(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Verified:
    """A certificate that may be believed, and the key that says so."""

    statement: Statement
    key_id: str
    revocations: Revocations | None = None
    """The list that does not name it; None: revocation was not checked."""

    @property
    def predicate(self) -> Predicate:
        """What is stated."""
        return self.statement.predicate


def issue(
    spec: PodSpec,
    *,
    pod: str,
    unit: str,
    host: HostReference,
    facts: HardwareFacts,
    measurements: Sequence[Measurement],
    key: SigningKey,
    now: datetime,
    supersedes: str | None = None,
    approved: Approval | None = None,
    until: datetime | None = None,
    skipped: Mapping[str, str] | None = None,
) -> Envelope:
    """Certify a host, or `CertificateRefused` when it did not reach every floor.

    `until`: when the host goes, at which the statement ends too. `skipped`: what was not measured,
    with the reason, as the statement is to say it.

    Whether the statement says `simulated` is the key's purpose: there is no way to say otherwise.
    """
    share = spec.acceptance.peer_share or PEER_SHARE
    verdict = judge(spec.acceptance.floors, measurements, peer_share=share)
    if not verdict.passed:
        lines = "; ".join(map(str, verdict.failures())) or "the spec has no floors"
        raise CertificateRefused(
            f"host {host.name} is not certified: {lines}",
            refusal=Refusal.FLOORS_NOT_MET,
            hint="repair the host and accept it again; floors are part of the spec",
        )
    if (host.serial, host.uuid) != (facts.serial, facts.uuid):
        raise CertificateRefused(
            f"host {host.name} has serial {host.serial} on record, the facts are of {facts.serial}",
            refusal=Refusal.INCONSISTENT,
            hint="inspect the host again: it was swapped after inspection",
        )
    issued_at = now.astimezone(UTC).replace(microsecond=0)
    valid_until = issued_at + timedelta(days=spec.acceptance.valid_days)
    predicate = Predicate(
        pod=pod,
        unit=unit,
        host=host,
        spec=SpecReference(identity=spec.identity, digest=spec.digest()),
        facts_digest=facts.digest(),
        firmware=dict(facts.firmware),
        measurements=tuple(measurements),
        results=verdict.lines,
        rating=rate(
            spec.unit, measurements, at=issued_at, scale_up_domain=_domain(spec, host.slot)
        ),
        issued_at=issued_at,
        expires_at=min(valid_until, until) if until is not None else valid_until,
        simulated=key.purpose == "simulated",
        supersedes=supersedes,
        approved=approved,
        skipped=dict(skipped) if skipped else None,
    )
    subject = Subject(
        name=f"{host.name}/{unit}", digest={"sha256": facts.digest().removeprefix("sha256:")}
    )
    statement = Statement(subject=(subject,), predicate=predicate)
    return seal(statement.to_bytes(), payload_type=PAYLOAD_TYPE, key=key)


def _domain(spec: PodSpec, slot: str) -> int | None:
    """The scale-up domain of the host in this slot, where its type says so."""
    found = (one.host_type for rack in spec.racks for one in rack.slots if one.slot == slot)
    host_type = next(found, None)
    return spec.host_types[host_type].scale_up_domain if host_type is not None else None


def verify(
    raw: bytes,
    *,
    ring: Keyring,
    now: datetime,
    revocations: Revocations | None = None,
    spec: PodSpec | None = None,
) -> Verified:
    """The certificate in these bytes, or `CertificateRefused` with the rule it broke.

    Without a list of revocations nothing is known about them, and the answer says so. `spec` is
    the design that it must be about, where one is asked for.
    """
    payload, key, name = unseal(raw, payload_type=PAYLOAD_TYPE, ring=ring)
    statement = _statement(payload)
    predicate = statement.predicate
    if predicate.simulated != (key.purpose == "simulated"):
        raise _purpose_disagrees(simulated=predicate.simulated)
    _check_consistency(statement)
    _check_key_window(predicate, key, name)
    _check_time(predicate, now)
    if spec is not None:
        _check_spec(predicate.spec, spec)
    if revocations is not None:
        check_not_revoked(
            envelope_digest(raw), signed_by=name, key=key, revocations=revocations, now=now
        )
    return Verified(statement=statement, key_id=name, revocations=revocations)


def read_unverified(raw: bytes) -> Statement:
    """What a certificate says, believed by nobody: to look at it without a key."""
    return _statement(payload_of(raw))


def _statement(payload: bytes) -> Statement:
    try:
        strict_json(payload)
        return Statement.model_validate_json(payload, by_alias=True, by_name=False)
    except ValidationError as error:
        where = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        wrong_type = where & {"_type", "predicateType"}
        raise CertificateRefused(
            "the signed content is not a podyard certificate (version 1)",
            refusal=Refusal.WRONG_TYPE if wrong_type else Refusal.MALFORMED,
            hint="a later podyard may have written it: verify it with that version",
        ) from error
    except (ValueError, RecursionError) as error:
        raise CertificateRefused(
            "the signed content is not plain JSON",
            refusal=Refusal.MALFORMED,
            hint="get the certificate again from its issuer",
        ) from error


def _purpose_disagrees(*, simulated: bool) -> CertificateRefused:
    if simulated:
        return CertificateRefused(
            "the statement is about simulated hardware, and its key is trusted for production",
            refusal=Refusal.PURPOSE_DISAGREES,
            hint="trust this key for simulated hardware only (--simulated-key)",
        )
    return CertificateRefused(
        "the statement claims real hardware, and its key is trusted only for simulated hardware",
        refusal=Refusal.PURPOSE_DISAGREES,
        hint="do not use this host: only a production key can vouch for real hardware",
    )


def _check_consistency(statement: Statement) -> None:
    """What a correct issuer can never sign; an issuer gone wrong is not believed either."""
    predicate = statement.predicate
    digests = [subject.digest.get("sha256") for subject in statement.subject]
    if digests != [predicate.facts_digest.removeprefix("sha256:")]:
        raise CertificateRefused(
            "the subject is not bound to the facts that the statement names",
            refusal=Refusal.INCONSISTENT,
            hint="tell the issuer: its certificates contradict themselves",
        )
    if predicate.expires_at <= predicate.issued_at:
        raise CertificateRefused(
            "the statement expires before it was issued",
            refusal=Refusal.INCONSISTENT,
            hint="tell the issuer: its certificates contradict themselves",
        )
    failed = [line.test for line in predicate.results if not _reaches(line)]
    if failed or not predicate.results:
        raise CertificateRefused(
            f"the results do not reach their floors: {', '.join(failed) or 'there are none'}",
            refusal=Refusal.FLOORS_NOT_MET,
            hint="tell the issuer: this host must not have been certified",
        )


def _reaches(line: Line) -> bool:
    return line.passed and line.reached is not None and line.reached >= line.floor


def _check_key_window(predicate: Predicate, key: TrustedKey, name: str) -> None:
    """A key speaks for the time in which it signed; in the overlap of a rotation both do."""
    if key.signs_from is not None and key.signs_from - predicate.issued_at > CLOCK_SKEW:
        raise CertificateRefused(
            f"issued at {predicate.issued_at.isoformat()}, and key {name[:16]}… signs only from "
            f"{key.signs_from.isoformat()}",
            refusal=Refusal.KEY_NOT_YET,
            hint="ask the issuer: the certificate is dated before its key was in use",
        )
    if key.signs_until is not None and predicate.issued_at > key.signs_until:
        raise CertificateRefused(
            f"issued at {predicate.issued_at.isoformat()}, and key {name[:16]}… was retired at "
            f"{key.signs_until.isoformat()}",
            refusal=Refusal.KEY_RETIRED,
            hint="ask the issuer for a certificate by its new key",
        )


def _check_spec(said: SpecReference, wanted: PodSpec) -> None:
    """By digest: two designs of one name and version are two designs."""
    if said.digest != wanted.digest():
        raise CertificateRefused(
            f"issued for spec {shown(said.identity)} {said.digest}, and not for "
            f"{wanted.identity} {wanted.digest()}",
            refusal=Refusal.ANOTHER_SPEC,
            hint="give the spec that the pod was built by, or accept the host against this one",
        )


def _check_time(predicate: Predicate, now: datetime) -> None:
    if (
        predicate.issued_at - now > CLOCK_SKEW
    ):  # a difference is a time at both ends of the calendar
        raise CertificateRefused(
            f"issued at {predicate.issued_at.isoformat()}, which is in the future",
            refusal=Refusal.NOT_YET_VALID,
            hint="check this machine's clock, then the issuer's",
        )
    if now >= predicate.expires_at:
        raise CertificateRefused(
            f"expired at {predicate.expires_at.isoformat()}",
            refusal=Refusal.EXPIRED,
            hint="accept the host again: that issues a new certificate",
        )
