"""What a pod's bring-up wants of one host: the spec and the approved plan, read for a decider."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inventory.model import CertificateRecord, Host, Intent, Pod
from inventory.states import HostState
from pods.acceptance import PEER_SHARE
from pods.canonical import canonical_json
from pods.certificate import Predicate, read_unverified
from pods.spec import PodSpec
from provisioning.admission import Waits, stage_turn
from provisioning.boot.orders import STEP as IN_BAND
from provisioning.brakes import failure_share
from provisioning.erasures import erasures_of, is_certified, is_looked_at, unerased_of
from provisioning.lifecycle.decision import Around, Wanted
from provisioning.onboarding.policy import COMMON, AdoptionPolicy

if TYPE_CHECKING:
    from provisioning.livepod import LivePod

ASKING_OTHERS = frozenset({HostState.MATCHING, HostState.PREPARING})
"""Where a host asks how the others of its pod fare."""
NONE: frozenset[str] = frozenset()
PREDICATES_KEPT = 32768
_stated_of: dict[str, tuple[str, Predicate]] = {}
"""By host: the id of its certificate, which is the digest of the rest, and what that states.

A ready host is looked at every half minute, and what was certified of it stays. What was certified
before is asked for by nobody: kept by certificate, memory grew with each one.
"""


def spec_of(pod: Pod) -> PodSpec:
    """The spec as it was when the pod was created: immutable, so kept with the pod."""
    return PodSpec.model_validate_json(json.dumps(pod.spec_document))


def wanted_of(
    host: Host,
    around: LivePod,
    *,
    intents: Sequence[Intent],
    free: bool,
    certificate: CertificateRecord | None = None,
    inspect_every_s: float = 900.0,
    adoption: AdoptionPolicy = COMMON,
) -> Wanted:
    """Everything that a decider may ask about what should be."""
    pod, planned = around.pod, around.planned
    waits = host.state in ASKING_OTHERS
    place = around.design.places.get((host.rack, host.slot))
    return Wanted(
        **around.design.of_type[host.host_type],
        bring_up=pod.bring_up == "running" and host.name in planned.waves,
        canary_clear=waits and planned.canary_clear(host.name, around.ready),
        trial_waits=_trial_waits(host, around) if waits else "",
        brake=around.brake if waits else "",
        planned_updates=planned.updates.get(host.name, frozenset()),
        open_steps=begun_steps(intents) if intents else NONE,
        in_band=any(i.state == "open" and i.step.startswith(IN_BAND) for i in intents),
        unit_free=free,
        place=place,
        around=Around(around.findings.get(host.slot, ()), around.as_of),
        certified=_stated(certificate),
        suspended=certificate.suspended if certificate else (),
        feeds=around.design.wiring.feeds[host.slot] if place is not None else (),
        inspect_every_s=inspect_every_s,
        adoption=adoption,
        erasures=erasures_of(host, intents),
        unerased=unerased_of(host, intents),
        drives_looked=is_looked_at(host, intents),
        erasure_certified=is_certified(host, intents),
        loop_leak=around.leak_near(host),
    )


def begun_steps(intents: Sequence[Intent]) -> frozenset[str]:
    """What the host must keep its power for, and is settled by looking.

    What it does itself to its disks is neither: a disk that is half written starts nothing.
    """
    begun = (i.step for i in intents if i.state == "open")
    return frozenset(step for step in begun if not step.startswith(IN_BAND))


def wanted_of_type(spec: PodSpec, name: str) -> dict[str, Any]:
    """What is wanted of every host of one type, whatever becomes of it."""
    return {
        "host_type": spec.host_types[name],
        "firmware": spec.firmware.get(name, ()),
        "bios": dict(spec.bios.get(name, {})),
        "floors": spec.acceptance.floors,
        "profiles": spec.profiles,
        "erase": spec.erase,
        "boot_policy": spec.boot_policy,
        "peer_share": spec.acceptance.peer_share or PEER_SHARE,
        "restore_power": spec.bring_up.power_drift == "restore",
        "leak_stops_claims": spec.bring_up.leak == "stop",
    }


def _stated(certificate: CertificateRecord | None) -> Predicate | None:
    """What we signed ourselves; whether to believe it is asked where it is relied upon."""
    if certificate is None:
        return None
    known = _stated_of.get(certificate.host_id)
    if known is not None and known[0] == certificate.id:
        return known[1]
    predicate = read_unverified(canonical_json(certificate.envelope)).predicate
    if certificate.host_id not in _stated_of and len(_stated_of) >= PREDICATES_KEPT:
        del _stated_of[next(iter(_stated_of))]
    _stated_of[certificate.host_id] = (certificate.id, predicate)
    return predicate


def _trial_waits(host: Host, around: LivePod) -> str:
    if around.pod.plan is None:
        return ""
    turn = stage_turn(around.ledger, host, around.pod.plan)
    return turn.reason if isinstance(turn, Waits) else ""


def brake_of(pod: Pod, spec: PodSpec, planned: frozenset[str], peers: Sequence[Host]) -> str:
    """Stop starting hosts when too many of those that the plan started are parked."""
    if pod.bring_up == "held":
        return f"pod {pod.name} is on hold: podyard pod up {pod.name} releases it"
    return failure_share(peers, planned, stop_share=spec.bring_up.stop_share)
