"""What a pod's bring-up wants of one host: the spec and the approved plan, read for a decider."""

from __future__ import annotations

import json
from collections.abc import Sequence

from inventory.model import CertificateRecord, Host, Intent, Pod
from pods.canonical import canonical_json
from pods.certificate import Predicate, read_unverified
from pods.spec import PodSpec
from provisioning.admission import Waits, stage_turn
from provisioning.brakes import failure_share
from provisioning.lifecycle.decision import Around, Place, Wanted
from provisioning.podmap import PodMap


def spec_of(pod: Pod) -> PodSpec:
    """The spec as it was when the pod was created: immutable, so kept with the pod."""
    return PodSpec.model_validate_json(json.dumps(pod.spec_document))


def wanted_of(
    host: Host,
    pod: Pod,
    spec: PodSpec,
    around: PodMap,
    *,
    intents: Sequence[Intent],
    free: bool,
    certificate: CertificateRecord | None = None,
    inspect_every_s: float = 900.0,
) -> Wanted:
    """Everything that a decider may ask about what should be."""
    plan = pod.plan
    acts = plan.destructive_acts() if plan is not None else ()
    return Wanted(
        host_type=spec.host_types[host.host_type],
        firmware=spec.firmware.get(host.host_type, ()),
        bios=dict(spec.bios.get(host.host_type, {})),
        floors=spec.acceptance.floors,
        bring_up=pod.bring_up == "running" and plan is not None and _planned(host, pod),
        canary_clear=_canary_clear(host, pod, around.ready),
        trial_waits=_trial_waits(host, pod, around),
        brake=around.brake,
        planned_updates=frozenset(
            (act.component, act.to_version) for act in acts if act.host == host.name
        ),
        open_steps=frozenset(i.step for i in intents if i.state == "open"),
        unit_free=free,
        place=_place(host, spec),
        around=Around(around.findings.get(host.slot, ()), around.as_of),
        profiles=spec.profiles,
        certified=_stated(certificate),
        suspended=certificate.suspended if certificate else (),
        feeds=_feeds(_place(host, spec)),
        inspect_every_s=inspect_every_s,
        restore_power=spec.bring_up.power_drift == "restore",
    )


def _stated(certificate: CertificateRecord | None) -> Predicate | None:
    """What we signed ourselves; whether to believe it is asked where it is relied upon."""
    if certificate is None:
        return None
    return read_unverified(canonical_json(certificate.envelope)).predicate


def _place(host: Host, spec: PodSpec) -> Place | None:
    rack = next((rack for rack in spec.racks if rack.name == host.rack), None)
    slots = rack.slots if rack is not None else ()
    slot = next((slot for slot in slots if slot.slot == host.slot), None)
    return None if rack is None or slot is None else Place(rack, slot)


def _feeds(place: Place | None) -> tuple[str, ...]:
    if place is None:
        return ()
    return tuple(feed for feed in (place.slot.feed, place.slot.feed_b) if feed)


def _planned(host: Host, pod: Pod) -> bool:
    return pod.plan is not None and any(host.name in wave.hosts for wave in pod.plan.waves)


def _canary_clear(host: Host, pod: Pod, ready: frozenset[str]) -> bool:
    """True when every host of an earlier canary wave is ready: a forgotten one is not."""
    if pod.plan is None:
        return False
    mine = next((w.number for w in pod.plan.waves if host.name in w.hosts), 0)
    canaries = {name for w in pod.plan.waves if w.canary and w.number < mine for name in w.hosts}
    return canaries <= ready


def _trial_waits(host: Host, pod: Pod, around: PodMap) -> str:
    if around.ledger is None or pod.plan is None:
        return ""
    turn = stage_turn(around.ledger, host, pod.plan)
    return turn.reason if isinstance(turn, Waits) else ""


def brake_of(pod: Pod, spec: PodSpec, peers: Sequence[Host]) -> str:
    """Stop starting hosts when too many of those that the plan started are parked."""
    if pod.bring_up == "held":
        return f"pod {pod.name} is on hold: podyard pod up {pod.name} releases it"
    planned = frozenset(name for w in (pod.plan.waves if pod.plan else ()) for name in w.hosts)
    return failure_share(peers, planned, stop_share=spec.bring_up.stop_share)
