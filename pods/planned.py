"""What a plan says: waves of hosts, the acts on each, the watts, and a digest over all of it.

Values only, as they are stored, approved by digest and read back years later. A field that comes
later has a default that says nothing, and then does not count in the digest; so a plan that was
approved by an older podyard is still the plan that was approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from pods.canonical import digest_of
from pods.expectation import Expectation
from pods.gate_proof import GateProof
from pods.watts import FeedEnvelope, Planned

Stage = Literal["canary", "trial", "rest"]

ActKind = Literal["power_on", "firmware_update", "bios_change", "boot", "configure", "accept"]


class Act(Planned):
    """One thing done to one host. The destructive ones are those the journal must match."""

    host: str
    kind: ActKind
    destructive: bool = False
    component: str = ""
    from_version: str = ""
    to_version: str = ""

    def __str__(self) -> str:
        change = f" {self.component} {self.from_version} → {self.to_version}"
        return f"{self.host}: {self.kind}{change if self.component else ''}"


class Wave(Planned):
    """Hosts that are started together; a stage must succeed before the next stage begins."""

    number: int
    stage: Stage
    hosts: tuple[str, ...]
    acts: tuple[Act, ...]
    starts_when: str = ""
    """What must be so before the first of its hosts is powered."""
    starts_s: float = 0.0
    """Expected seconds from approval to its start."""
    settle_s: float = 0.0
    """How long its inrush lasts: the longest of its hosts'."""
    expected_s: float = 0.0
    """Expected seconds from its start until all its hosts are ready."""
    expected_basis: Literal["", "past", "spec", "past and spec"] = ""
    """Whether that is the median of past bring-ups or what the spec allows."""

    @property
    def canary(self) -> bool:
        """Whether these hosts prove the design for the others."""
        return self.stage == "canary"


class ParkedHost(Planned):
    """A host that will not be started: its facts show a critical mismatch already."""

    host: str
    reason: str
    remedy: str


class Plan(Planned):
    """An immutable plan. Its digest covers everything else in it."""

    pod: str
    spec: str
    spec_digest: str
    waves: tuple[Wave, ...]
    parked: tuple[ParkedHost, ...]
    feeds: tuple[FeedEnvelope, ...]
    peak_watts: float
    """Highest sum over all feeds at one step."""
    budget_watts: float
    """Sum of the feeds' budgets."""
    unknown_hosts: tuple[str, ...]
    """Hosts planned without facts: their firmware and BIOS acts show only after inspection."""
    digest: str
    gates: tuple[str, ...] = ()
    """What must be proven in this order before wave 1."""
    expected_s: float = 0.0
    """Expected seconds from approval until the last host is ready."""
    expectations: tuple[Expectation, ...] = ()
    """What that is made of, by host type and step."""
    proofs: tuple[GateProof, ...] = ()
    """What proves each gate, in order, and who confirms what no reading proves."""

    @model_validator(mode="after")
    def _digest_is_its_own(self) -> Self:
        if self.digest != digest_of(self.sealed()):
            raise ValueError("the plan's digest is not that of its content: it was changed")
        return self

    def sealed(self) -> dict[str, Any]:
        """What the digest covers: everything else, without later fields that say nothing.

        So a plan that was stored before those fields came keeps its digest.
        """
        found: dict[str, Any] = _without_later(self.model_dump(mode="json", exclude={"digest"}))
        return found

    def acts(self) -> tuple[Act, ...]:
        """Every act, in the order of the waves."""
        return tuple(act for wave in self.waves for act in wave.acts)

    def destructive_acts(self) -> tuple[Act, ...]:
        """The acts that change a host for good."""
        return tuple(act for act in self.acts() if act.destructive)

    def flashed(self) -> tuple[str, ...]:
        """Hosts that get new firmware."""
        hosts = [act.host for act in self.acts() if act.kind == "firmware_update"]
        return tuple(dict.fromkeys(hosts))

    def rebooted(self) -> tuple[str, ...]:
        """Hosts that run now and will be started anew."""
        powered_on = {act.host for act in self.acts() if act.kind == "power_on"}
        boots = [act.host for act in self.acts() if act.kind == "boot"]
        return tuple(host for host in boots if host not in powered_on)


LATER: Mapping[str, Any] = {
    "starts_when": "",
    "starts_s": 0.0,
    "settle_s": 0.0,
    "expected_s": 0.0,
    "expected_basis": "",
    "lost_watts": None,
    "peak_lost_watts": None,
    "gates": [],
    "expectations": [],
    "proofs": [],
}
"""Fields that came after the first plans were stored, and what they are when they say nothing."""


def _without_later(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_later(inner)
            for key, inner in value.items()
            if not (key in LATER and inner == LATER[key])
        }
    if isinstance(value, list):
        return [_without_later(inner) for inner in value]
    return value
