"""Making a BMC the site's own, before anything else is done to its host.

A password that its vendor printed on a label goes first: whoever has the label has the host. Then
what is open beside it: IPMI over LAN where podyard speaks Redfish, and the cipher suites that ask
for no password where it speaks IPMI. What cannot be closed is found and told, and does not stop the
host. Everything is seen before it is done and after it, so that it may be repeated at any time.
"""

from __future__ import annotations

from inventory.model import Host
from provisioning.lifecycle.actions import (
    AskRenewal,
    AskRotation,
    CloseIpmi,
    CloseWeakCiphers,
    RecordFindings,
)
from provisioning.lifecycle.decision import Decision, Do, Seen, Wanted

CLOSINGS_MAX = 3  # two seconds apart: a BMC that is still open then says yes and does nothing


def adopt(host: Host, seen: Seen, wanted: Wanted) -> Decision | None:
    """The next thing to do to the BMC itself; None when it is as the site wants it."""
    if host.bmc.credentials == "factory":
        return Do(AskRotation(), "others know its BMC's password")
    if wanted.adoption.close_ipmi and host.adoption.closings < CLOSINGS_MAX:
        if seen.ipmi_open:
            return Do(CloseIpmi(), "IPMI over LAN is open at its BMC")
        if seen.weak_ciphers:
            return Do(CloseWeakCiphers(seen.weak_ciphers), f"{_suites(seen)} may be used")
    if _wants_certificate(host, seen, wanted):
        return Do(AskRenewal(), "its BMC shows a certificate of its own making")
    found = _findings(seen)
    closed = not found and host.adoption.closings > 0
    if found != host.adoption.findings or closed:
        return Do(RecordFindings(found), "; ".join(found) or "closed")
    return None


def _wants_certificate(host: Host, seen: Seen, wanted: Wanted) -> bool:
    """Once: a BMC that refused one is asked again when it is registered anew."""
    done = host.adoption
    has_or_refused = done.certificate_until or done.certificate_tried_at
    return wanted.adoption.certificates and seen.takes_certificates and not has_or_refused


def _findings(seen: Seen) -> tuple[str, ...]:
    """What stays open, in words."""
    found = ["IPMI over LAN is open at its BMC"] if seen.ipmi_open else []
    if seen.weak_ciphers:
        found.append(f"{_suites(seen)} may be used")
    return tuple(found)


def _suites(seen: Seen) -> str:
    named = ", ".join(str(one) for one in seen.weak_ciphers)
    return f"IPMI cipher suite{'s' if len(seen.weak_ciphers) > 1 else ''} {named}"
