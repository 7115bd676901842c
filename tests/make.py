"""Builders: records with only what a test is about; everything else is plausible and fixed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from inventory.agents import AcceptanceReport, ObservedState
from inventory.model import AgentSeen, BmcAccess, BootRecord, Host, Intent, Pod
from inventory.states import HostState
from pods import catalogue
from pods.acceptance import Measurement
from pods.facts import (
    AcceleratorFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from pods.spec import PodSpec
from provisioning.drivers.protocol import BiosState
from provisioning.lifecycle.actions import RecordDoubt
from provisioning.lifecycle.decision import Decider, Decision, Do, Seen, Wanted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MEDIA_URL = "https://127.0.0.1:8471/boot/v1/media/m1.iso"


def lab() -> PodSpec:
    """The lab's spec."""
    return catalogue.load("lab-4")


def make_facts(**changes: Any) -> HardwareFacts:
    """A host built exactly as lab-4 wants it."""
    whole: dict[str, Any] = {
        "observed_at": NOW,
        "source": "redfish",
        "manufacturer": "Podyard",
        "model": "Lab Host 1",
        "serial": "S1",
        "uuid": "u-1",
        "bmc_firmware": "1.8.0",
        "bios_version": "2.4.1",
        "processors": (ProcessorFact(slot="CPU.1", model="Lab CPU 8", cores=8, threads=8),),
        "accelerators": (AcceleratorFact(slot="GPU.1", model="Lab Accelerator", memory_gib=16),),
        "memory": tuple(MemoryModuleFact(slot=f"DIMM.{n}", capacity_gib=16) for n in range(1, 5)),
        "drives": (DriveFact(slot="Disk.1", model="Lab Disk", capacity_gib=480),),
        "nics": tuple(
            NicFact(slot=f"NIC.{n}", mac=f"02:00:00:00:00:0{n}", speed_gbps=25) for n in (1, 2)
        ),
        "firmware": {"BIOS": "2.4.1", "BMC": "1.8.0"},
        "bios": {
            "BootMode": "Uefi",
            "HyperThreading": "Disabled",
            "PowerProfile": "MaxPerformance",
        },
    }
    return HardwareFacts.model_validate({**whole, **changes})


def make_host(**changes: Any) -> Host:
    """A host of the lab."""
    whole: dict[str, Any] = {
        "id": "host-1",
        "name": "r1-h1",
        "pod": "lab",
        "slot": "r1-h1",
        "rack": "r1",
        "feed": "a",
        "host_type": "lab-cpu",
        "simulated": True,
        "state": HostState.ENROLLED,
        "state_since": NOW,
        "target": "ready",
        "serial": "S1",
        "uuid": "u-1",
        "bmc": BmcAccess(
            address="redfish+https://127.0.0.1:1", fingerprint="sha256:" + "0" * 64, username="root"
        ),
        "wake_at": NOW,
        "facts": make_facts(),
        "reserved_watts": 20,
    }
    return Host(**{**whole, **changes})


def make_wanted(**changes: Any) -> Wanted:
    """What lab-4 wants, with an approved plan and the canary through."""
    spec = lab()
    whole: dict[str, Any] = {
        "host_type": spec.host_types["lab-cpu"],
        "firmware": spec.firmware["lab-cpu"],
        "bios": dict(spec.bios["lab-cpu"]),
        "floors": spec.acceptance.floors,
        "bring_up": True,
        "canary_clear": True,
        "planned_updates": frozenset({("BIOS", "2.4.1")}),
    }
    return Wanted(**{**whole, **changes})


def told_twice(decide: Decider, host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """What is decided when the BMC says the same once more, where once is not enough."""
    answer = decide(host, seen, wanted)
    if isinstance(answer, Do) and isinstance(answer.action, RecordDoubt):
        return decide(host.model_copy(update={"doubt": answer.action.doubt}), seen, wanted)
    return answer


def make_boot(**changes: Any) -> BootRecord:
    """A boot medium that was not powered on yet."""
    whole: dict[str, Any] = {
        "media_id": "m1",
        "media_url": MEDIA_URL,
        "token_hash": "h",
        "expires_at": NOW.replace(hour=13),
    }
    return BootRecord(**{**whole, **changes})


def make_report(**changes: Any) -> AcceptanceReport:
    """A finished report at full speed."""
    whole: dict[str, Any] = {
        "order_id": "o1",
        "finished": True,
        "measurements": tuple(
            Measurement(test=name, value=10.0, reference=10.0, unit="x")
            for name in ("matrix_multiply", "memory_bandwidth", "disk_write")
        ),
    }
    return AcceptanceReport(**{**whole, **changes})


def make_agent(**changes: Any) -> AgentSeen:
    """An agent that enrolled with medium m1 and reported boot b1."""
    observed = ObservedState(
        generation=0,
        boot_id="b1",
        physical_host="machine-1",
        agent_version="0",
        simulated=True,
        isolated=True,
        acceptance=changes.pop("acceptance", None),
    )
    whole: dict[str, Any] = {
        "host_id": "host-1",
        "media_id": "m1",
        "certificate_serial": "1",
        "enrolled_at": NOW,
        "seen_at": NOW,
        "observed": observed,
    }
    return AgentSeen(**{**whole, **changes})


def make_bios(**current: Any) -> BiosState:
    """BIOS attributes as the lab wants them, with changes."""
    return BiosState(current={**make_facts().bios, **current}, pending={})


def make_seen(**changes: Any) -> Seen:
    """An observation at noon in which nothing was looked at."""
    return Seen(**{"now": NOW, **changes})


def make_pod(**changes: Any) -> Pod:
    """The lab as a pod whose plan nobody approved yet."""
    spec = lab()
    whole: dict[str, Any] = {
        "name": "lab",
        "site": "here",
        "spec": spec.identity,
        "spec_digest": spec.digest(),
        "spec_document": spec.model_dump(mode="json"),
        "simulated": True,
        "created_at": NOW,
    }
    return Pod(**{**whole, **changes})


def make_intent(**changes: Any) -> Intent:
    """An open intent to flash BIOS 2.4.1, written at noon."""
    whole: dict[str, Any] = {
        "id": "i1",
        "host_id": "host-1",
        "step": "firmware:BIOS:2.4.1",
        "step_class": "destructive-observable",
        "arguments": {"acts": 1, "tasks_before": [], "touched_at": NOW.isoformat()},
        "fence": 1,
        "created_at": NOW,
    }
    return Intent(**{**whole, **changes})
