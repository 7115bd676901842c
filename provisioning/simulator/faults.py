"""The faults that a hall can show, by name: each is something real hardware has done to somebody.

A fault is asked for as `NAME@HOST[:key=value,...]`. The registry below is the only list; its
functions are documentation and schema at once: the docstring is shown to people, the defaults are
the parameters. Which replies a rate hits is drawn from a random source seeded per host and fault,
so a run repeats.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from provisioning.simulator.errors import UnknownFault

Parameter = float | str
"""A number or a word, as the default's type says."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One entry of the registry."""

    name: str
    meaning: str
    defaults: dict[str, Parameter]


REGISTRY: dict[str, FaultKind] = {}


def _fault(name: str, **defaults: Parameter) -> Callable[[Callable[[], None]], None]:
    def register(declared: Callable[[], None]) -> None:
        meaning = " ".join((declared.__doc__ or "").split())
        REGISTRY[name] = FaultKind(name=name, meaning=meaning, defaults=defaults)

    return register


@_fault("missing-dimm", slot="")
def _missing_dimm() -> None:
    """One memory slot is empty (`slot`, or one drawn by the seed): State Absent, total short."""


@_fault("missing-gpu", slot="")
def _missing_gpu() -> None:
    """One accelerator is not there (`slot`, or one drawn by the seed): State Absent."""


@_fault("other-gpu", slot="", model="Another Accelerator")
def _other_gpu() -> None:
    """One accelerator is another part: `model`."""


@_fault("link-lost", slot="", links=1.0)
def _link_lost() -> None:
    """So many scale-up links of one accelerator stay down while the host is on."""


@_fault("link-slow", slot="", ratio=0.5)
def _link_slow() -> None:
    """One scale-up link of an accelerator runs at `ratio` of its speed."""


@_fault("narrow-pcie", slot="", lanes=8.0)
def _narrow_pcie() -> None:
    """An accelerator's or a network adapter's PCIe link trained down to `lanes` of its 16."""


@_fault("remapped-row", slot="", state="failed")
def _remapped_row() -> None:
    """A memory row of one accelerator broke: its replacement is `pending`, `done` or `failed`."""


@_fault("capped-gpu", slot="", watts=400.0)
def _capped_gpu() -> None:
    """One accelerator's power limit is set to `watts`."""


@_fault("slow-port", slot="", gbps=100.0)
def _slow_port() -> None:
    """A network port's link comes up at `gbps`."""


@_fault("miscabled", slot="NIC0", other="")
def _miscabled() -> None:
    """The cables of a network port and of the same port of host `other` are swapped at the leaf."""


@_fault("missing-drive", slot="")
def _missing_drive() -> None:
    """One drive bay is empty."""


@_fault("worn-drive", slot="", left=5.0)
def _worn_drive() -> None:
    """A drive has `left` percent of its writes left."""


@_fault("dying-drive", slot="")
def _dying_drive() -> None:
    """A drive predicts its failure."""


@_fault("dead-supply", slot="")
def _dead_supply() -> None:
    """A power supply has no input: its feed, breaker or cord."""


@_fault("missing-supply", slot="")
def _missing_supply() -> None:
    """One bay of a power supply is empty."""


@_fault("failed-fan", slot="")
def _failed_fan() -> None:
    """A fan reports Critical."""


@_fault("leak", slot="", state="Critical")
def _leak() -> None:
    """A leak detector reports `state`: Critical, Warning or Unavailable."""


@_fault("wrong-tray", index="")
def _wrong_tray() -> None:
    """The host sits in another slot of its rack: that of tray `index`, else its neighbour's."""


@_fault("secure-boot-off")
def _secure_boot_off() -> None:
    """Secure boot is disabled."""


@_fault("no-tpm")
def _no_tpm() -> None:
    """The TPM is missing."""


@_fault("old-firmware", component="BIOS", version="")
def _old_firmware() -> None:
    """A component is older than the baseline: `version`, or the one before the baseline."""


@_fault("slow-host", ratio=0.33)
def _slow_host() -> None:
    """The host computes at `ratio` of its peers' speed, and no BMC reading says so."""


@_fault("wrong-serial", serial="")
def _wrong_serial() -> None:
    """The BMC reports another serial than the one on record: a swapped board or cable."""


@_fault("hang-reply", rate=1.0, times=1.0, path="")
def _hang_reply() -> None:
    """A change is made and its reply never comes; `path` narrows to requests that contain it."""


@_fault("lost-reply", rate=1.0, times=1.0, path="")
def _lost_reply() -> None:
    """A change is made and the connection closes before the reply."""


@_fault("error-after-act", rate=1.0, times=1.0, path="")
def _error_after_act() -> None:
    """A change is made and the reply says 500."""


@_fault("slow-bmc", seconds=2.0)
def _slow_bmc() -> None:
    """Every reply of the BMC takes `seconds` longer."""


@_fault("stale-power", seconds=3.0)
def _stale_power() -> None:
    """PowerState keeps its old value for `seconds` after a change."""


@_fault("session-drop", rate=0.2, times=3.0)
def _session_drop() -> None:
    """The BMC forgets a session in use: the request it carries gets 401."""


@_fault("task-vanishes", times=1.0)
def _task_vanishes() -> None:
    """An update's task is gone (404) when the update ends; the new version is in force."""


@_fault("update-lies", times=1.0)
def _update_lies() -> None:
    """An update's task ends in Completed and the version did not change."""


@_fault("certificate-changed", times=1.0)
def _certificate_changed() -> None:
    """The BMC makes itself a new certificate when the simulator is started again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault planted in one host."""

    kind: str
    host: str
    parameters: dict[str, Parameter] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `NAME@HOST[:key=value,...]`; what is wrong is named with what would be right."""
        head, _, tail = text.partition(":")
        name, _, host = head.partition("@")
        kind = REGISTRY.get(name)
        if kind is None:
            raise UnknownFault(
                f"no fault is called {name!r} (in {text!r})",
                hint="the faults are " + ", ".join(sorted(REGISTRY)),
            )
        if not host:
            raise UnknownFault(
                f"fault {text!r} names no host", hint=f"write {name}@HOST[:key=value,...]"
            )
        return cls(kind=name, host=host, parameters=_parameters(kind, tail, text))

    def number(self, key: str) -> float:
        """A numeric parameter."""
        return float(self.parameters[key])

    def word(self, key: str) -> str:
        """A textual parameter."""
        return str(self.parameters[key])


def _parameters(kind: FaultKind, tail: str, text: str) -> dict[str, Parameter]:
    found = dict(kind.defaults)
    for item in filter(None, tail.split(",")):
        key, _, value = item.partition("=")
        if key not in kind.defaults:
            raise UnknownFault(
                f"fault {kind.name!r} has no parameter {key!r} (in {text!r})",
                hint="its parameters are " + ", ".join(f"{k}={v}" for k, v in found.items()),
            )
        found[key] = _value(kind, key, value, text)
    return found


def _value(kind: FaultKind, key: str, value: str, text: str) -> Parameter:
    if isinstance(kind.defaults[key], str):
        return value
    try:
        return float(value)
    except ValueError as error:
        raise UnknownFault(
            f"parameter {key!r} of fault {text!r} is not a number: {value!r}",
            hint=f"for example {kind.name}@HOST:{key}={kind.defaults[key]}",
        ) from error


@dataclass(slots=True)
class HostFaults:
    """The faults of one host, and which of them still have firings left.

    `fired` belongs to the host's persisted state: a fault that fires once does so once per hall,
    not once per start of the simulator.
    """

    faults: tuple[Fault, ...]
    seed: str
    fired: dict[str, int]
    on_fire: Callable[[str], None]
    _random: dict[str, random.Random] = field(default_factory=dict)

    def planted(self, kind: str) -> Fault | None:
        """The fault of this kind, whether or not it has firings left."""
        return next((fault for fault in self.faults if fault.kind == kind), None)

    def fires(self, kind: str, *, path: str = "") -> Fault | None:
        """The fault if it hits now; a hit is counted and journaled."""
        fault = self.planted(kind)
        if fault is None or not self._hits(fault, path):
            return None
        self.fired[kind] = self.fired.get(kind, 0) + 1
        self.on_fire(kind)
        return fault

    def _hits(self, fault: Fault, path: str) -> bool:
        wanted = fault.parameters
        if self.fired.get(fault.kind, 0) >= float(wanted.get("times", float("inf"))):
            return False
        if str(wanted.get("path", "")) not in path:
            return False
        source = self._random.setdefault(
            fault.kind, random.Random(f"{self.seed}/{fault.host}/{fault.kind}")
        )
        return source.random() < float(wanted.get("rate", 1.0))
