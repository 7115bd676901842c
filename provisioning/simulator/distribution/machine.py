"""One machine that is no host: its accounts, its faults, and what it reads off the mains."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import Field

from provisioning.simulator.clock import Clock
from provisioning.simulator.defects import struck
from provisioning.simulator.distribution.mains import Mains
from provisioning.simulator.distribution.plan import MachinePlan
from provisioning.simulator.errors import HallError
from provisioning.simulator.faults import Fault
from provisioning.simulator.journal import Journal
from provisioning.simulator.redfish.sessions import Sessions
from provisioning.simulator.state import Account, Kept, write_json

FIRMWARE = "1.0.0"


class MachineState(Kept):
    """What a machine keeps when its management restarts."""

    accounts: list[Account]
    port: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    """What people wrote on it, by property."""

    @classmethod
    def factory_new(cls) -> Self:
        """With credentials of its own."""
        account = Account(number=1, username="admin", password=secrets.token_urlsafe(18))
        return cls(accounts=[account])


def load_machine_state(path: Path) -> MachineState:
    """The state kept by the last life, or a factory-new one."""
    if not path.exists():
        return MachineState.factory_new()
    try:
        return MachineState.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise HallError(
            f"{path} is not the state of a simulated machine",
            hint="start with a fresh --state directory",
        ) from error


@dataclass(slots=True)
class Machine:
    """One of them, running."""

    plan: MachinePlan
    state: MachineState
    path: Path
    mains: Mains
    clock: Clock
    log: Journal
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        """Nobody is logged in."""
        self.sessions = Sessions(now=self.clock.now)

    def planted(self, kind: str) -> Fault | None:
        """The fault of this kind that is under way."""
        return self.mains.outages.planted(self.plan.name, kind)

    def struck(self, kind: str, slots: Sequence[str]) -> Mapping[str, Fault]:
        """Which of its parts a fault strikes now."""
        active = self.mains.outages.active(self.plan.name)
        return struck(active, kind, slots, seed=self.plan.serial)

    @property
    def hosts_watts(self) -> float:
        """What its hosts draw together, from whatever feed."""
        return sum(self.mains.drawn(host) for host in self.plan.hosts)

    def label(self, name: str) -> str:
        """What somebody wrote there."""
        return self.state.labels.get(name, "")

    def write_label(self, name: str, value: str) -> None:
        """Write something there."""
        self.state.labels = {**self.state.labels, name: value}
        self.save()

    def save(self) -> None:
        """Make the state durable before anybody hears of it."""
        write_json(self.path, self.state.model_dump(mode="json"))

    def journal(self, what: str, **fields: object) -> None:
        """Record what really happened."""
        self.log.write(what, at=self.clock.now(), machine=self.plan.name, **_told(fields))


def _told(fields: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}
