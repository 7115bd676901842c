"""A site in the middle of its day, as records: one pod coming up, one ready, some of it broken.

For looking at pages, not for judging the control plane: the moments are around now, so that ages
read as they would. Some strings are hostile, as a BMC's may be.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inventory.model import (
    BmcAccess,
    CertificateRecord,
    Claim,
    ComputeUnit,
    Event,
    Host,
    Pod,
    Problem,
)
from inventory.parts import Part, parts_change
from inventory.places import Equipment, Location, PowerFeed, Rack, Site
from inventory.states import ClaimState, Health, HostState, PowerState, UnitState
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from pods import catalogue
from pods.acceptance import Measurement
from pods.certificate import HostReference, issue
from pods.facts import (
    AcceleratorFact,
    CoolantConnectorFact,
    DriveFact,
    HardwareFacts,
    LeakDetectorFact,
    MemoryModuleFact,
    NicFact,
    PowerSupplyFact,
    ProcessorFact,
)
from pods.keys import SigningKey
from pods.match import Mismatch
from pods.plan import Plan, PlannedHost, plan_bring_up
from pods.power import PowerPhase, reserved_watts
from pods.rating import rate
from pods.spec import PodSpec
from tests.integration.web.furnished_expected import on_its_way
from tests.integration.web.furnished_readings import read_for_a_while

HOSTILE = '<script>window.hurt=1</script><img src=x onerror="window.hurt=1">'
NOW = datetime.now(UTC)
FINGERPRINT = "sha256:" + "ab" * 32
Told = dict[str, Any]


def furnish(store: SqlStore, directory: Path) -> None:
    """Fill an empty store."""
    key = SigningKey.generate(directory / "signing.pem", purpose="production")
    coming, done = catalogue.load("su-h100-32"), catalogue.load("nvl72-gb200")
    plan = _plan(coming, "alpha")
    _put(
        store, *_place(coming, "a", "alpha", row="row-1"), *_place(done, "b", "bravo", row="row-2")
    )
    _put(
        store,
        Site(name="zrh1", title="Zurich 1"),
        Location(id="hall-1", site="zrh1", name="hall-1", kind="hall", title="Hall 1"),
        *(
            Location(id=n, site="zrh1", name=n, kind="row", parent="hall-1", title=f"Row {n[-1]}")
            for n in ("row-1", "row-2")
        ),
        _pod(coming, "alpha", plan=plan, bring_up="running"),
        _pod(done, "bravo"),
    )
    for number, (rack, slot) in enumerate(coming.slots()):
        told = _coming_up(number, coming, plan, f"a-{slot.slot}")
        _host(store, coming, "alpha", "a", rack.name, slot, number, key, **told)
    for number, (rack, slot) in enumerate(done.slots(), start=100):
        told = _ready(done)
        if number == 107:
            told |= {"problem": LEAK, "health": Health.WARNING}
        _host(store, done, "bravo", "b", rack.name, slot, number, key, **told)
    _bring_up_events(store, plan)
    read_for_a_while(store, NOW)
    _put(store, *on_its_way(NOW, hostile=HOSTILE))
    _put(
        store,
        Claim(
            id="5f2a9c31-aa00-4000-8000-000000000001",
            tenant="acme",
            unit_class="nvl72-gb200",
            count=1,
            state=ClaimState.BOUND,
            why="bound to one unit of its class",
            unit_ids=("unit-bravo",),
            created_at=NOW - timedelta(hours=30),
            bound_at=NOW - timedelta(hours=30),
        ),
        Claim(
            id="5f2a9c31-aa00-4000-8000-000000000002",
            tenant="globex",
            unit_class="hgx-h100-8",
            count=16,
            why="16 wanted, 5 of class hgx-h100-8 are available; the rest is coming up",
            created_at=NOW - timedelta(minutes=4),
        ),
    )


LEAK = Problem(
    kind="bmc-unreachable",
    message="the BMC did not answer 6 reads in a row",
    since=NOW - timedelta(minutes=3),
    seen=6,
    tried=("read again", "log in again"),
    next_step="reset the BMC",
    next_at=NOW + timedelta(seconds=40),
)
SHORT = Problem(
    kind="spec-mismatch",
    message="memory.modules: wanted 32, found 31",
    since=NOW - timedelta(minutes=52),
    tried=("read the memory again after a power cycle",),
    remedy="seat or replace the module in slot DIMM 14, then: podyard host retry a-r2-h3",
)
SLOW = Problem(
    kind="acceptance-failed",
    message="matrix_multiply reached 0.33 of its reference, the floor is 0.95",
    since=NOW - timedelta(minutes=11),
    seen=2,
    tried=("measured again after a restart",),
    remedy="look for thermal throttling: reseat the heat sinks, then: podyard host retry a-r1-h4",
)
FIRST = timedelta(hours=1, minutes=40)
"""How long ago the bring-up of alpha began."""


def _coming_up(number: int, spec: PodSpec, plan: Plan, name: str) -> Told:
    wave = next((w.number for w in plan.waves if name in w.hosts), 3)
    power = next(iter(spec.host_types.values())).power
    running = {"power": PowerState.ON, "reserved_watts": _watts(power, PowerPhase.RUNNING)}
    starting = {"power": PowerState.ON, "reserved_watts": _watts(power, PowerPhase.STARTING)}
    resting = {"power": PowerState.OFF, "reserved_watts": _watts(power, PowerPhase.STANDBY)}
    told: Told = {"wave": wave, "target": "ready"}
    if name == "a-r2-h3":
        return {**told, **resting, "state": HostState.MATCHING, "problem": SHORT, "short": True}
    if name == "a-r1-h4":
        return {**told, **running, "state": HostState.ACCEPTING, "problem": SLOW}
    if name == "a-r8-h4":
        return {
            **told,
            **resting,
            "state": HostState.REPAIRING,
            "target": "repairing",
            "maintenance": "rail kit is bent",
        }
    if wave < 3:
        return {**told, **running, "state": HostState.READY, "health": Health.OK}
    if number < 16:
        return {**told, **running, "state": HostState.ACCEPTING, "waiting": "measuring: 4 of 9"}
    if number < 22:
        return {**told, **starting, "state": HostState.BOOTING, "waiting": "the image is booting"}
    waits = "waiting for power on feeds r6-a and r6-b"
    return {**told, **resting, "state": HostState.PREPARING, "waiting": waits}


def _ready(spec: PodSpec) -> Told:
    power = next(iter(spec.host_types.values())).power
    watts = _watts(power, PowerPhase.RUNNING)
    return {
        "state": HostState.READY,
        "target": "ready",
        "power": PowerState.ON,
        "reserved_watts": watts,
        "health": Health.OK,
    }


def _watts(power: Any, phase: PowerPhase) -> int:
    return int(reserved_watts(power, phase))


def _host(
    store: SqlStore,
    spec: PodSpec,
    pod: str,
    prefix: str,
    rack: str,
    slot: Any,
    number: int,
    key: SigningKey,
    *,
    short: bool = False,
    **fields: Any,
) -> None:
    name = f"{prefix}-{slot.slot}"
    serial = HOSTILE.replace(" ", "_")[:60] if name == "a-r8-h4" else f"PYD{number:06d}"
    facts = _facts(spec, serial, number, short=short)
    since = NOW - timedelta(minutes=3 + 7 * (number % 9))
    host = Host(
        id=f"00000000-0000-4000-8000-{number:012d}",
        name=name,
        site="zrh1",
        pod=pod,
        slot=slot.slot,
        rack=f"{prefix}-{rack}",
        position=float(slot.unit),
        feed=f"{prefix}-{slot.feed}",
        feed_b=f"{prefix}-{slot.feed_b}" if slot.feed_b else "",
        host_type=slot.host_type,
        simulated=False,
        state_since=since,
        serial=serial,
        uuid=facts.uuid,
        bmc=BmcAccess(
            address=f"redfish+https://10.9.0.{number}", fingerprint=FINGERPRINT, username="podyard"
        ),
        wake_at=NOW + timedelta(seconds=9),
        facts=facts,
        mismatches=(MISSING,) if short else (),
        tags=("burn-in",) if name == "a-r1-h2" else (),
        **fields,
    )
    records: list[Any] = []
    if host.state is HostState.READY:
        certificate = _certificate(spec, host, facts, key)
        host = host.model_copy(update={"certificate_id": certificate.id})
        records = [certificate]
        if pod == "alpha":
            records.append(_unit(spec, host, certificate))
        elif slot.slot.endswith("01"):
            records.append(_domain_unit(spec, host, certificate))
    _put(store, host, *records)
    _parts(store, host, facts)


MISSING = Mismatch(
    path="memory.modules",
    wanted="32",
    found="31",
    severity="critical",
    meaning="the host has less memory than its class promises",
    remedy="seat or replace the module in slot DIMM 14",
)


def _parts(store: SqlStore, host: Host, facts: HardwareFacts) -> None:
    """What was read first; one GPU was replaced since."""
    old = facts
    if host.name == "a-r1-h2":
        first = facts.accelerators[2].model_copy(update={"serial": "1653022015111"})
        gpus = (*facts.accelerators[:2], first, *facts.accelerators[3:])
        old = facts.model_copy(update={"accelerators": gpus})
    began = NOW - timedelta(days=21)
    store.apply(parts_change(host, (), old, began), now=began)
    if old is not facts:
        store.apply(
            parts_change(host, store.find(Part, host_id=host.id), facts, NOW - timedelta(hours=5)),
            now=NOW,
        )


def _certificate(
    spec: PodSpec, host: Host, facts: HardwareFacts, key: SigningKey
) -> CertificateRecord:
    envelope = issue(
        spec,
        pod=host.pod,
        unit=f"{host.name}-u0",
        host=HostReference(name=host.name, slot=host.slot, serial=host.serial, uuid=host.uuid),
        facts=facts,
        measurements=(
            Measurement(test="matrix_multiply", value=0.991, reference=1.0),
            Measurement(test="memory_bandwidth", value=1.012, reference=1.0),
        ),
        key=key,
        now=NOW - timedelta(days=2),
    )
    return CertificateRecord(
        id=f"certificate-{host.name}",
        host_id=host.id,
        host=host.name,
        envelope=json.loads(envelope.model_dump_json()),
        issued_at=NOW - timedelta(days=2),
        expires_at=NOW + timedelta(days=88),
        simulated=False,
        facts_digest=facts.digest(),
    )


def _unit(spec: PodSpec, host: Host, certificate: CertificateRecord) -> ComputeUnit:
    return ComputeUnit(
        id=f"unit-{host.name}",
        name=f"{host.name}-u0",
        pod=host.pod,
        site=host.site,
        unit_class=spec.unit.unit_class,
        accelerators=spec.unit.accelerators,
        host_ids=(host.id,),
        certificate_ids=(certificate.id,),
        rating=rate(spec.unit, (), at=NOW),
        labels={"podyard.io/rack": host.rack, "podyard.io/pod": host.pod},
        simulated=False,
    )


def _domain_unit(spec: PodSpec, host: Host, certificate: CertificateRecord) -> ComputeUnit:
    unit = _unit(spec, host, certificate)
    return unit.model_copy(
        update={
            "id": "unit-bravo",
            "name": "b-r1-u0",
            "state": UnitState.CLAIMED,
            "claim": "5f2a9c31-aa00-4000-8000-000000000001",
        }
    )


def _facts(spec: PodSpec, serial: str, number: int, *, short: bool) -> HardwareFacts:
    kind = next(iter(spec.host_types.values()))
    gpu = kind.accelerators
    liquid = number >= 100
    return HardwareFacts(
        observed_at=NOW - timedelta(minutes=2),
        source="redfish",
        manufacturer=kind.manufacturer,
        model=HOSTILE if serial.startswith("<") else kind.model,
        serial=serial,
        uuid=f"10000000-0000-4000-8000-{number:012d}",
        processors=(ProcessorFact(slot="CPU0", model="Xeon 8480C", cores=56, threads=112),),
        accelerators=tuple(
            AcceleratorFact(
                slot=str(n),
                model=gpu.model if gpu else "GPU",
                memory_gib=gpu.memory_gib if gpu else 80,
                serial=f"16530220{number:03d}{n:02d}",
                firmware="96.00.89.00.01",
                link_ports=18,
                links_up=17 if number == 107 and n == 1 else 18,
            )
            for n in range(gpu.count if gpu else 0)
        ),
        memory=tuple(
            MemoryModuleFact(slot=f"{n}", capacity_gib=64, serial=f"M{number:03d}{n:02d}")
            for n in range(31 if short else 4)
        ),
        drives=(
            DriveFact(
                slot="0",
                model="PM9D3a",
                capacity_gib=3576,
                serial=f"S{number}",
                life_left_percent=98,
            ),
        ),
        nics=(NicFact(slot="0", mac="02:00:00:00:00:01"),),
        power_supplies=tuple(
            PowerSupplyFact(slot=str(n), health="OK", input_status="Normal", serial=f"P{number}{n}")
            for n in range(2)
        ),
        coolant=(
            CoolantConnectorFact(
                slot="0",
                flow_lpm=1.9 + (number % 5) / 10,
                supply_celsius=32.0 + number % 3,
                return_celsius=44.0 + number % 4,
            ),
        )
        if liquid
        else (),
        leak_detectors=(LeakDetectorFact(slot="tray", state="Warning" if number == 107 else "OK"),)
        if liquid
        else (),
    )


def _pod(spec: PodSpec, name: str, **fields: Any) -> Pod:
    return Pod(
        name=name,
        site="zrh1",
        spec=spec.identity,
        spec_digest=spec.digest(),
        spec_document=spec.model_dump(mode="json"),
        simulated=False,
        created_at=NOW - timedelta(days=3),
        **fields,
    )


def _plan(spec: PodSpec, pod: str) -> Plan:
    hosts = [PlannedHost(name=f"a-{slot.slot}", slot=slot.slot) for _, slot in spec.slots()]
    return plan_bring_up(spec, pod=pod, hosts=hosts)


def _place(spec: PodSpec, prefix: str, pod: str, *, row: str) -> list[Any]:
    found: list[Any] = []
    for place, rack in enumerate(spec.racks):
        name = f"{prefix}-{rack.name}"
        kind = spec.type_of(rack)
        found.append(
            Rack(
                id=f"rack-{name}",
                name=name,
                site="zrh1",
                location=row,
                pod=pod,
                rack_type="hgx-10u-rack-4" if prefix == "a" else "nvl72-gb200",
                height_units=rack.units,
                position_in_row=place,
                power_limit_watts=kind.power_limit_watts if kind else None,
            )
        )
        found += [
            Equipment(
                id=f"{name}-{one.name}",
                kind="switch" if "switch" in one.kind else "power-shelf",
                name=f"{name}-{one.name}",
                site="zrh1",
                pod=pod,
                rack=name,
                position=float(one.unit),
                model=one.model or "",
            )
            for one in (kind.equipment if kind else ())
            if one.unit
        ]
    found += [
        PowerFeed(
            id=f"feed-{prefix}-{name}",
            name=f"{prefix}-{name}",
            site="zrh1",
            pod=pod,
            volts=feed.volts,
            amps=feed.rated_amps,
            phases=feed.phases,
            continuous_share=feed.continuous_limit,
        )
        for name, feed in spec.feeds.items()
    ]
    return found


def _bring_up_events(store: SqlStore, plan: Plan) -> None:
    began = NOW - FIRST
    events = [
        _event(began, "pod.up", "pod:alpha", old="inspecting", new="running", why=plan.digest)
    ]
    for wave in plan.waves:
        for number, name in enumerate(wave.hosts[:18]):
            at = began + timedelta(minutes=28 * (wave.number - 1), seconds=20 * number)
            subject = f"host:{name}"
            events += [
                _event(at, "host.power.on", subject, why="its wave began"),
                _event(
                    at, "host.state", subject, old="preparing", new="booting", why="power is on"
                ),
            ]
            if wave.number < 3 and name != "a-r1-h4":
                ready = at + timedelta(minutes=24)
                events.append(
                    _event(
                        ready, "host.state", subject, old="accepting", new="ready", why="accepted"
                    )
                )
    events += [
        _event(SHORT.since, "host.parked", "host:a-r2-h3", new=SHORT.kind, why=SHORT.message),
        _event(SLOW.since, "host.parked", "host:a-r1-h4", new=SLOW.kind, why=SLOW.message),
        _event(NOW, "host.forgotten", "host:old", why=HOSTILE),
    ]
    events.sort(key=lambda event: event.at)
    store.apply(Change(events=tuple(events)), now=NOW)


def _event(at: datetime, kind: str, subject: str, **fields: str) -> Event:
    return Event(at=at, actor="provisioning", kind=kind, subject=subject, **fields)


def _put(store: SqlStore, *records: Any) -> None:
    store.apply(Change(insert=records), now=NOW)
