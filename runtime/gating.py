"""The certificate gates scheduling: before a unit is bound, what backs it is verified again.

A unit's row says what the unit is; anybody who can write to the database could say more. So
nothing is believed but the signed statement: its signature, its date, and that it is about this
very unit on this very host. What does not hold is a reason in words, and the unit is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from inventory.model import CertificateRecord, ComputeUnit
from pods.canonical import canonical_json
from pods.certificate import Predicate, verify
from pods.errors import CertificateRefused
from pods.keys import Keyring

Gate = Callable[[ComputeUnit], str]
"""Why this unit must not be bound; empty when it may."""


def certificate_gate(
    certificates: Mapping[str, CertificateRecord], *, ring: Keyring, now: datetime
) -> Gate:
    """A gate over the certificates as they are stored."""

    def refuse(unit: ComputeUnit) -> str:
        if not unit.certificate_ids or len(unit.certificate_ids) != len(unit.host_ids):
            return "not every host of it has a certificate"
        pairs = zip(unit.certificate_ids, unit.host_ids, strict=True)
        reasons = (
            _refuse_one(unit, host_id, certificates.get(identifier), ring=ring, now=now)
            for identifier, host_id in pairs
        )
        return next(filter(None, reasons), "")

    return refuse


def _refuse_one(
    unit: ComputeUnit,
    host_id: str,
    record: CertificateRecord | None,
    *,
    ring: Keyring,
    now: datetime,
) -> str:
    if record is None:
        return "its certificate is not on record"
    if record.host_id != host_id:
        return f"its certificate is about another host ({record.host})"
    if record.suspended:
        first = record.suspended[0]
        return f"its certificate is suspended ({first.rule.replace('_', ' ')}: {first.what})"
    try:
        stated = verify(canonical_json(record.envelope), ring=ring, now=now).predicate
    except CertificateRefused as error:
        return f"its certificate does not verify: {error}"
    return _disagreement(unit, record, stated)


def _disagreement(unit: ComputeUnit, record: CertificateRecord, stated: Predicate) -> str:
    """What the rows claim beyond what was signed."""
    claimed = {
        "unit": (unit.name, stated.unit),
        "pod": (unit.pod, stated.pod),
        "host": (record.host, stated.host.name),
        "simulated": (unit.simulated, stated.simulated),
        "rating": (unit.rating, stated.rating),
        "facts": (record.facts_digest, stated.facts_digest),
    }
    for what, (on_record, signed) in claimed.items():
        if on_record != signed:
            return f"its certificate states another {what} than the record"
    return ""
