"""A certificate as a panel: reached against floors, how long it holds, what suspends it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.model import CertificateRecord
from inventory.web.views.looks import Look, look
from pods.certificate import read_unverified
from pods.errors import PodsError

WARNED = timedelta(days=14)
"""Expiry is warned of this long ahead."""
BAR_PX = 200


@dataclass(frozen=True, slots=True)
class Reached:
    """One test: what was reached, and its floor, as a bar."""

    test: str
    told: str
    floor_told: str
    width: float
    floor_x: float
    passed: bool


@dataclass(frozen=True, slots=True)
class CertificatePanel:
    """All that the host page says of a certificate."""

    id: str
    look: Look
    issued_at: datetime
    expires_at: datetime
    spec: str
    unit: str
    rating: str
    basis: str
    simulated: bool
    reached: tuple[Reached, ...]
    suspended: tuple[tuple[str, str], ...]
    """What suspends it, and what to do."""
    unreadable: str


def panel(record: CertificateRecord, *, now: datetime) -> CertificatePanel:
    """The panel. What stands in it is read from the envelope; the service itself issued it."""
    suspended = tuple((one.what, one.remedy) for one in record.suspended)
    state = _state(record, now=now)
    try:
        stated = read_unverified(_bytes(record)).predicate
    except PodsError as error:
        return CertificatePanel(
            id=record.id,
            look=state,
            issued_at=record.issued_at,
            expires_at=record.expires_at,
            spec="",
            unit="",
            rating="",
            basis="",
            simulated=record.simulated,
            reached=(),
            suspended=suspended,
            unreadable=str(error),
        )
    return CertificatePanel(
        id=record.id,
        look=state,
        issued_at=record.issued_at,
        expires_at=record.expires_at,
        spec=stated.spec.identity,
        unit=stated.unit,
        rating=f"{stated.rating.b200_equivalents:.4g} B200-equivalents",
        basis=f"{stated.rating.profile}, {str(stated.rating.basis).replace('_', ' ')}",
        simulated=record.simulated,
        reached=tuple(_reached(one.test, one.reached or 0.0, one.floor) for one in stated.results),
        suspended=suspended,
        unreadable="",
    )


def _bytes(record: CertificateRecord) -> bytes:
    return json.dumps(record.envelope).encode()


def _state(record: CertificateRecord, *, now: datetime) -> Look:
    if record.suspended:
        return look("stop", "suspended")
    if record.expires_at <= now:
        return look("stop", "expired")
    if record.expires_at - now <= WARNED:
        return look("warn", "expires soon")
    return look("good", "in force")


def _reached(test: str, reached: float, floor: float) -> Reached:
    scale = max(reached, floor) * 1.15 or 1.0
    return Reached(
        test=test.replace("_", " "),
        told=f"{reached:.3g}",
        floor_told=f"{floor:.3g}",
        width=round(BAR_PX * reached / scale, 1),
        floor_x=round(BAR_PX * floor / scale, 1),
        passed=reached >= floor,
    )
