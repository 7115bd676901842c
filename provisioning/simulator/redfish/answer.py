"""What a request is answered with, whoever answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import Body


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with; a body of None is 204."""

    status: int = 204
    body: Body | None = None
    headers: dict[str, str] = field(default_factory=dict)


Change = Callable[[SimulatedBmc, Body], Awaitable[Answer]]
