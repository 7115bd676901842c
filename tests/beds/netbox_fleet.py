"""A fleet's records: racks of eight-GPU hosts with feeds, a switch and cables, as a pod has."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from inventory.model import BmcAccess, Host, Pod, Record
from inventory.places import Cable, CableEnd, Equipment, Location, PowerFeed, Rack, Site
from inventory.states import HostState
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from pods.facts import AcceleratorFact, HardwareFacts, NicFact

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
NAMESPACE = uuid.UUID("00000000-0000-4000-8000-00000000f1ee")
HOST_UNITS = 8


class FixedClock:
    """A clock that stands, until it is set."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        """Nobody waits in a test."""


def fleet_records(
    *, racks: int, hosts_per_rack: int, accelerators: int = 8, nics: int = 2
) -> Iterator[Record]:
    """The records, in an order in which they can be inserted."""
    yield Site(name="zrh1", title="Zurich 1")
    yield Location(id="hall-1", site="zrh1", name="hall-1", kind="hall")
    yield Pod(
        name="pod1", site="zrh1", spec="h200-8@1", spec_digest="sha256:" + "0" * 64,
        spec_document={"host_types": {"h200-8": {
            "manufacturer": "Supermicro", "model": "SYS-821GE-TNHR",
            "chassis": {"height_units": HOST_UNITS}, "accelerators": {"tdp_watts": 700},
        }}},
        simulated=False, created_at=NOW,
    )  # fmt: skip
    for number in range(racks):
        rack = f"r{number + 1}"
        yield Rack(id=rack, name=rack, site="zrh1", location="hall-1", pod="pod1", height_units=48)
        yield PowerFeed(
            id=f"{rack}-a", name=f"{rack}-a", site="zrh1", pod="pod1", racks=(rack,), volts=415,
            amps=63, phases=3,
        )  # fmt: skip
        switch = Equipment(
            id=f"{rack}-sw", kind="switch", name=f"{rack}-sw", site="zrh1", pod="pod1", rack=rack,
            position=48, model="SN2201",
        )  # fmt: skip
        yield switch
        for place in range(hosts_per_rack):
            made = fleet_host(rack, place, accelerators=accelerators, nics=nics)
            yield made
            yield Cable(
                id=f"{made.name}-bmc", label=f"{made.name} bmc", site="zrh1", pod="pod1",
                a=CableEnd(kind="host", id=made.id, name=made.name, port="bmc"),
                z=CableEnd(kind="equipment", id=switch.id, port=f"swp{place + 1}"),
                kind="cat6a", length_m=2.0, status="connected",
            )  # fmt: skip


def fleet_host(rack: str, place: int, *, accelerators: int = 8, nics: int = 2) -> Host:
    """One host of the fleet, with facts."""
    name = f"{rack}-h{place + 1}"
    key = uuid.uuid5(NAMESPACE, name)
    row = int(rack.removeprefix("r"))
    # Counted, not drawn: among a thousand drawn addresses two are soon the same.
    number = f"{row:03}{place:03}"
    facts = HardwareFacts(
        observed_at=NOW, source="redfish", manufacturer="Supermicro", model="SYS-821GE-TNHR",
        serial=f"S{number}", uuid=str(key),
        accelerators=tuple(
            AcceleratorFact(
                slot=f"GPU_SXM_{slot + 1}", model="NVIDIA H200", memory_gib=141,
                serial=f"G{number}{slot}", part_number="2G520",
            )
            for slot in range(accelerators)
        ),
        nics=tuple(
            NicFact(
                slot=f"eth{port}", speed_gbps=400,
                mac=f"02:00:{row >> 8:02x}:{row & 255:02x}:{place:02x}:{port:02x}",
            )
            for port in range(nics)
        ),
    )  # fmt: skip
    return Host(
        id=str(key), name=name, site="zrh1", pod="pod1", slot=name, rack=rack,
        # Five of eight units fill a rack of 48; the rest have no counted place.
        position=1.0 + HOST_UNITS * place if place < 5 else None,
        feed=f"{rack}-a", host_type="h200-8", simulated=False, state=HostState.READY,
        state_since=NOW, target="ready", serial=f"S{number}", wake_at=NOW, facts=facts,
        certificate_id=f"cert-{number}",
        bmc=BmcAccess(
            address=f"redfish+https://10.20.{row}.{place + 1}",
            fingerprint="sha256:" + "ab" * 32, username="admin",
        ),
    )  # fmt: skip


def power_of(host: Host) -> tuple[Equipment, Cable]:
    """A PDU in the host's rack, and the cable from it to the host."""
    pdu = Equipment(
        id=f"{host.rack}-pdu", kind="pdu", name=f"{host.rack}-pdu", site=host.site, pod=host.pod,
        rack=host.rack,
    )  # fmt: skip
    cable = Cable(
        id=f"{host.name}-psu1", label=f"{host.name} psu1", site=host.site, pod=host.pod,
        a=CableEnd(kind="equipment", id=pdu.id, port="A12"),
        z=CableEnd(kind="host", id=host.id, name=host.name, port="PSU1"),
        kind="power", status="connected",
    )  # fmt: skip
    return pdu, cable


def fleet_store(folder: Path, **size: int) -> SqlStore:
    """A store that holds the fleet."""
    store = SqlStore.open(f"sqlite:///{folder / 'fleet.db'}")
    store.apply(Change(insert=tuple(fleet_records(**size))), now=NOW)
    return store
