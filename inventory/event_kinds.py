"""Every kind of event there is: who asks for one that never comes is told so, and waits for none.

The page of events says what each means; a test holds this list, that page and what the sources emit
against each other.
"""

from __future__ import annotations

import difflib

from inventory.refusals import Refused

ALL = "*"
BELOW = ".*"
KINDS: tuple[str, ...] = (
    "acceptance.ordered",
    "agent.enrol-refused",
    "certificate.expiring",
    "certificate.suspended",
    "claim.created",
    "claim.extended",
    "claim.kept",
    "claim.notice",
    "claim.promised",
    "claim.releasing",
    "claim.state",
    "claim.unit-left",
    "claim.unit-notice",
    "claim.unit-replaced",
    "cluster.phase",
    "deployment.created",
    "deployment.deleting",
    "deployment.phase",
    "deployment.removed",
    "discovery.asked",
    "discovery.ended",
    "drive.erased",
    "drive.not-erased",
    "expected.account",
    "expected.found",
    "expected.imported",
    "expected.removed",
    "feed.back",
    "feed.dead",
    "job.ended",
    "job.queued",
    "job.stopping",
    "loop.leak",
    "fleet.held",
    "fleet.released",
    "host.abort",
    "host.agent.start",
    "host.alarm",
    "host.bios.staged",
    "host.boot.order",
    "host.bmc-certificate",
    "host.bmc-certificate-asked",
    "host.bmc-certificate-kept",
    "host.bmc-changed",
    "host.bmc-closed",
    "host.bmc-finding",
    "host.bmc.restart",
    "host.certified",
    "host.configured",
    "host.disk-written",
    "host.enrolled",
    "host.enrolled-agent",
    "host.erasure-certified",
    "host.first-sight",
    "host.forgotten",
    "host.leak",
    "host.load-stopped",
    "host.overstayed",
    "host.parked",
    "host.password-asked",
    "host.password-kept",
    "host.password-rotated",
    "host.pause",
    "host.power-drift",
    "host.power.off",
    "host.power.on",
    "host.quarantine",
    "host.remedy",
    "host.resume",
    "host.retry",
    "host.shutdown",
    "host.skip",
    "host.state",
    "host.target",
    "host.trouble",
    "intent.done",
    "intent.failed",
    "intent.open",
    "intent.parked",
    "key.created",
    "key.revoked",
    "key.rotated",
    "netbox.failed",
    "netbox.pulled",
    "netbox.pushed",
    "network.declared",
    "network.removed",
    "part.changed",
    "part.installed",
    "part.removed",
    "pod.applied",
    "pod.held",
    "pod.up",
    "record.changed",
    "record.created",
    "record.removed",
    "records.confirmed",
    "records.restored",
    "secrets.rewrapped",
    "tenant.created",
    "unit.withdrawn",
    "user.created",
    "user.disabled",
    "user.enabled",
    "user.grant-revoked",
    "user.granted",
    "user.password-set",
    "webhook.changed",
    "webhook.created",
    "webhook.deleted",
    "webhook.disabled",
    "webhook.failed",
    "webhook.key-rotated",
    "webhook.replayed",
)


def fits(form: str, kind: str) -> bool:
    """True when a kind is the one that is meant, or below it: `host.*`, or `*` for every one."""
    if form == ALL:
        return True
    return kind.startswith(form[:-1]) if form.endswith(BELOW) else kind == form


def kind_asked(text: str) -> str:
    """A kind, or the beginning of several up to a full stop, that a list or stream is asked for."""
    asked = "" if text == ALL else text.removesuffix(BELOW)
    if asked and not any(kind == asked or fits(asked + BELOW, kind) for kind in KINDS):
        raise _unheard(text, KINDS, path="kind")
    return asked


def refuse_unheard(form: str, *, path: str, untold: str) -> None:
    """Refuse a form that fits no kind, or none but those that begin with `untold`."""
    told = tuple(kind for kind in KINDS if not kind.startswith(untold))
    if not any(fits(form, kind) for kind in told):
        raise _unheard(form, told, path=path)


def _unheard(form: str, told: tuple[str, ...], *, path: str) -> Refused:
    families = sorted({kind.partition(".")[0] + BELOW for kind in told})
    close = difflib.get_close_matches(form, [*told, *families], n=1, cutoff=0.6)
    meant = f"did you mean {close[0]}? " if close else ""
    return Refused(
        422,
        "invalid",
        f"no event is of the kind {form[:80]!r}",
        path=path,
        value=form[:80],
        hint=f"{meant}valid ones: {', '.join(told)}; or a family: {', '.join(families)}",
    )
