"""The one list of faults: a name, what it means, its parameters, and what kind of thing it strikes.

A fault is declared by a function whose docstring is shown to people and whose defaults are its
parameters, so that documentation and schema cannot part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Parameter = float | str
"""A number or a word, as the default's type says."""

SCHEDULE: dict[str, Parameter] = {"at": 0.0, "for": 0.0, "after": ""}
"""What every fault understands that is not built in: when it begins, and how long it lasts."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One entry of the registry."""

    name: str
    subject: str
    """What it strikes: the heading under which people find it."""
    meaning: str
    defaults: dict[str, Parameter]
    built_in: bool = False
    """The host was delivered so: it has no beginning and no end."""


REGISTRY: dict[str, FaultKind] = {}
Declared = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """Declares the faults of one subject."""

    name: str

    def fault(self, name: str, **defaults: Parameter) -> Callable[[Declared], None]:
        """A fault that may come and go."""
        return lambda declared: self._register(name, declared, defaults, built_in=False)

    def defect(self, name: str, **defaults: Parameter) -> Callable[[Declared], None]:
        """A fault that the host was delivered with."""
        return lambda declared: self._register(name, declared, defaults, built_in=True)

    def _register(
        self, name: str, declared: Declared, defaults: dict[str, Parameter], *, built_in: bool
    ) -> None:
        meaning = " ".join((declared.__doc__ or "").split())
        REGISTRY[name] = FaultKind(name, self.name, meaning, defaults, built_in)
