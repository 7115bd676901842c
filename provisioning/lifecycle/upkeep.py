"""What becomes due at the BMC of a ready host: another password, another certificate.

Neither touches what runs on the host. Each host has its own moment in the period, so that a site's
BMCs do not all change on one day; a host whose unit is claimed waits for the claim to end, for a
while: a claim may last for years.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from inventory.model import Host
from provisioning.lifecycle.actions import AskRenewal, AskRotation
from provisioning.lifecycle.decision import Do, Wanted

JITTER = 0.1
"""Of a period: so much earlier than its end a host's turn may come."""
PATIENCE = 0.25
"""Of a period: so much longer a claimed host waits."""
RENEW_BEFORE = timedelta(days=30)
RENEW_AT_LAST = timedelta(days=10)
"""Before a certificate's end: claimed or not."""
AGAIN = timedelta(days=7)
"""After a refusal. Each try may cost the account a refused login."""


def upkeep(host: Host, wanted: Wanted, now: datetime) -> Do | None:
    """What is due, one after the other; nothing while anything else is wrong or under way."""
    if host.problem is not None or host.rotation or host.renewal or wanted.open_steps:
        return None
    if why := _old_password(host, wanted, now):
        return Do(AskRotation(), why)
    if why := _ending_certificate(host, wanted, now):
        return Do(AskRenewal(), why)
    return None


def _old_password(host: Host, wanted: Wanted, now: datetime) -> str:
    """Only of a password that podyard made: one that a person gave is theirs to change."""
    period, done = timedelta(days=wanted.adoption.rotate_every_days), host.adoption
    if _lately(done.password_tried_at, now):
        return ""
    if host.bmc.credentials == "factory":
        return "a person said that others know its BMC's password"
    if not period or done.password_set_at is None:
        return ""
    due = done.password_set_at + period * (1 - JITTER * _share(host))
    if not wanted.unit_free:
        due += period * PATIENCE
    return f"its BMC's password is of {done.password_set_at:%Y-%m-%d}" if now >= due else ""


def _ending_certificate(host: Host, wanted: Wanted, now: datetime) -> str:
    until, done = host.adoption.certificate_until, host.adoption
    if until is None or not wanted.adoption.certificates or _lately(done.certificate_tried_at, now):
        return ""
    before = RENEW_BEFORE * (1 - JITTER * _share(host)) if wanted.unit_free else RENEW_AT_LAST
    return f"its BMC's certificate ends on {until:%Y-%m-%d}" if now >= until - before else ""


def _lately(tried_at: datetime | None, now: datetime) -> bool:
    return tried_at is not None and now < tried_at + AGAIN


def _share(host: Host) -> float:
    """A number from 0 to 1 that is the host's own."""
    return int.from_bytes(hashlib.sha256(host.id.encode()).digest()[4:8]) / 2**32
