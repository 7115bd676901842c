"""The faults that a hall shows: asked for by name, planted in hosts, drawn by the seed.

A fault is asked for as `NAME@HOST[:key=value,...]`; HOST may be `rack/NAME` or `feed/NAME`, for
every host there. `kinds` holds the only list of names. Every fault that is not built in may be
scheduled: `at=` so many seconds after the hall's first start, or after the first event `after=` in
the host's journal, and `for=` so many seconds. Which replies a rate hits is drawn from a random
source seeded per host and fault, so a run repeats.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from provisioning.simulator.errors import UnknownFault
from provisioning.simulator.kinds import REGISTRY, SCHEDULE, FaultKind, Parameter

__all__ = ["REGISTRY", "Fault", "FaultKind", "HostFaults", "Parameter", "Past"]


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

    def __str__(self) -> str:
        """As it would be asked for, without what nobody changed."""
        defaults = _known(REGISTRY[self.kind])
        told = [f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
                for k, v in self.parameters.items() if v != defaults.get(k)]  # fmt: skip
        return f"{self.kind}@{self.host}" + (":" + ",".join(told) if told else "")

    def number(self, key: str) -> float:
        """A numeric parameter."""
        return float(self.parameters[key])

    def word(self, key: str) -> str:
        """A textual parameter."""
        return str(self.parameters[key])

    @property
    def scheduled(self) -> bool:
        """Whether it begins later than the hall."""
        return bool(self.parameters.get("at") or self.parameters.get("after"))


def _known(kind: FaultKind) -> dict[str, Parameter]:
    return dict(kind.defaults) if kind.built_in else {**kind.defaults, **SCHEDULE}


def _parameters(kind: FaultKind, tail: str, text: str) -> dict[str, Parameter]:
    known = _known(kind)
    found = dict(known)
    for item in filter(None, tail.split(",")):
        key, _, value = item.partition("=")
        if key not in known:
            raise UnknownFault(
                f"fault {kind.name!r} has no parameter {key!r} (in {text!r})",
                hint="its parameters are " + ", ".join(f"{k}={v}" for k, v in known.items())
                if key not in SCHEDULE
                else "the host was delivered with it: it has no beginning and no end",
            )
        found[key] = _value(kind, known, key, value, text)
    return found


def _value(
    kind: FaultKind, known: dict[str, Parameter], key: str, value: str, text: str
) -> Parameter:
    if isinstance(known[key], str):
        return value
    try:
        return float(value)
    except ValueError as error:
        raise UnknownFault(
            f"parameter {key!r} of fault {text!r} is not a number: {value!r}",
            hint=f"for example {kind.name}@HOST:{key}={known[key]}",
        ) from error


@dataclass(slots=True)
class Past:
    """What a host has been through, as far as its faults ask: part of its persisted state.

    A fault that fires once does so once per hall, not once per start of the simulator.
    """

    fired: dict[str, int] = field(default_factory=dict)
    happened: dict[str, float] = field(default_factory=dict)
    """The first time of each event that a fault waits for."""
    hall_started_at: float = 0.0


def _at_once(_moment: float) -> float:
    return 0.0


@dataclass(slots=True)
class HostFaults:
    """The faults of one host: which are under way, and which have firings left."""

    faults: tuple[Fault, ...]
    seed: str
    past: Past
    on_fire: Callable[[str], None]
    now: Callable[[], float] = lambda: 0.0
    since: Callable[[float], float] = _at_once
    """Hardware seconds since a moment."""
    _random: dict[str, random.Random] = field(default_factory=dict)
    _by_kind: dict[str, list[Fault]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Every request asks for some twenty kinds, and most hosts have none of them."""
        for fault in self.faults:
            self._by_kind.setdefault(fault.kind, []).append(fault)

    def begun_s(self, fault: Fault) -> float | None:
        """Hardware seconds since the fault began, below zero before it does; None: not known."""
        after = str(fault.parameters.get("after", ""))
        if after and after not in self.past.happened:
            return None
        start = self.past.happened[after] if after else self.past.hall_started_at
        return self.since(start) - float(fault.parameters.get("at", 0.0))

    def is_active(self, fault: Fault) -> bool:
        """Whether it has begun and is not over."""
        if not fault.scheduled and not fault.parameters.get("for"):
            return True
        begun_s = self.begun_s(fault)
        lasts_s = float(fault.parameters.get("for", 0.0))
        return begun_s is not None and begun_s >= 0 and (not lasts_s or begun_s < lasts_s)

    def active(self) -> tuple[Fault, ...]:
        """Every fault that is under way."""
        return tuple(fault for fault in self.faults if self.is_active(fault))

    def planted(self, kind: str) -> Fault | None:
        """The fault of this kind that is under way, whether or not it has firings left."""
        planted = self._by_kind.get(kind)
        return next(filter(self.is_active, planted), None) if planted else None

    def notice(self, what: str) -> bool:
        """An event of the host's journal; True when a fault waited for it."""
        awaited = any(fault.parameters.get("after") == what for fault in self.faults)
        if not awaited or what in self.past.happened:
            return False
        self.past.happened[what] = self.now()
        return True

    def fires(self, kind: str, *, path: str = "") -> Fault | None:
        """The fault if it hits now; a hit is counted and journaled."""
        fault = self.planted(kind)
        if fault is None or not self._hits(fault, path):
            return None
        self.past.fired[kind] = self.past.fired.get(kind, 0) + 1
        self.on_fire(kind)
        return fault

    def _hits(self, fault: Fault, path: str) -> bool:
        wanted = fault.parameters
        if self.past.fired.get(fault.kind, 0) >= float(wanted.get("times", float("inf"))):
            return False
        if str(wanted.get("path", "")) not in path:
            return False
        source = self._random.get(fault.kind)
        if source is None:
            source = random.Random(f"{self.seed}/{fault.host}/{fault.kind}")
            self._random[fault.kind] = source
        return source.random() < float(wanted.get("rate", 1.0))
