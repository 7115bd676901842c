"""What of a host changes, and how it survives the death of the simulator.

A host's state is one JSON file, replaced atomically before the BMC answers: a reply that somebody
saw is a fact after any restart. Sessions are not in it, since a real BMC forgets them too.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from provisioning.simulator.errors import HallError
from provisioning.simulator.hall import BiosValue, HostPlan


class Kept(BaseModel):
    """The base of what is written to disk: strict about its fields, changed in place."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class UpdateTask(Kept):
    """One SimpleUpdate, from its first byte to its end."""

    number: int
    image: str
    target: str = ""
    state: str = "Starting"
    percent: int = 0
    message: str = "The update task has been created."
    not_fetched: bool = False
    """The image never arrived: Redfish's `Update.1.0.TransferFailed`."""
    started_at: float
    ended_at: float | None = None
    component: str = ""
    old: str = ""
    new: str = ""
    flashing: bool = False
    """The image was good and writing has begun: never to be journaled as a start again."""
    hidden: bool = False
    """The BMC no longer knows this task."""

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state in {"New", "Starting", "Running"}


class DriveKept(Kept):
    """What one drive holds, and what it says of itself."""

    holds: bool = True
    """Somebody's data can be read from it."""
    completed: bool = False
    """Its sanitize log: the last one ended well."""
    erased: bool = False
    """Its sanitize log: nothing was written since."""


class EraseTask(Kept):
    """One erase of one drive, from its first moment to its end."""

    number: int
    slot: str
    serial: str
    method: str
    target: str
    """Where the request was sent."""
    state: str = "Running"
    percent: int = 0
    started_at: float
    ended_at: float | None = None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state == "Running"


class Account(Kept):
    """Somebody who may log in to the BMC."""

    number: int
    username: str
    password: str
    role: str = "Administrator"
    enabled: bool = True


class LogLine(Kept):
    """One line of the BMC's log."""

    number: int
    at: float
    severity: str
    message: str


class EventSubscription(Kept):
    """Somebody who asked to be told of events."""

    number: int
    destination: str
    context: str = ""


class HostState(Kept):
    """Everything about one host that its BMC would keep through a power failure, and the power."""

    accounts: list[Account]
    """The first is the factory's, named in `hall.json`."""
    port: int = 0
    power: str = "Off"
    booted: bool = False
    boot_target: str = "None"
    boot_enabled: str = "Disabled"
    http_boot_uri: str = ""
    boot_order: list[str] = Field(default_factory=list)
    """NICs as the firmware asks them, by slot; empty: as it was delivered."""
    boot_order_coming: list[str] = Field(default_factory=list)
    """The order that the next start takes; empty: the one in force."""
    media_image: str = ""
    media_inserted: bool = False
    bios: dict[str, BiosValue]
    bios_pending: dict[str, BiosValue] = Field(default_factory=dict)
    firmware: dict[str, str]
    tasks: list[UpdateTask] = Field(default_factory=list)
    erases: list[EraseTask] = Field(default_factory=list)
    drives: dict[str, DriveKept] = Field(default_factory=dict)
    """By serial; a drive that is not here is as it was delivered."""
    watts: float
    joules: float = 0.0
    """What it ever drew, up to its last change of draw."""
    asset_tag: str = ""
    power_limit_watts: float | None = None
    ipmi_closed: bool = False
    """Somebody switched IPMI over LAN off."""
    lit: bool = False
    """The light by which a person finds the host."""
    log: list[LogLine] = Field(default_factory=list)
    subscriptions: list[EventSubscription] = Field(default_factory=list)
    power_ons: int = 0
    fired: dict[str, int] = Field(default_factory=dict)
    happened: dict[str, float] = Field(default_factory=dict)
    """When the events came that a fault waits for."""

    @property
    def last_task(self) -> int:
        """The highest number that any task has."""
        updates = (task.number for task in self.tasks)
        return max(*updates, *(task.number for task in self.erases), 0, 0)

    @classmethod
    def factory_new(cls, plan: HostPlan) -> Self:
        """A host as delivered, with credentials of its own."""
        return cls(
            accounts=[Account(number=1, username="admin", password=secrets.token_urlsafe(18))],
            bios=dict(plan.bios),
            firmware=dict(plan.firmware),
            watts=float(plan.host_type.power.standby_watts),
        )


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file in one step, readable by its owner only from its first byte."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    fresh.replace(path)


def write_json(path: Path, value: Any) -> None:
    """The same for a JSON document."""
    write_secret(path, json.dumps(value, indent=1).encode() + b"\n")


def load_state(path: Path, plan: HostPlan) -> HostState:
    """The state kept by the last life, or a factory-new one."""
    if path.exists():
        try:
            return _with_all_components(HostState.model_validate_json(path.read_bytes()), plan)
        except ValueError as error:
            raise HallError(
                f"{path} is not the state of a simulated host",
                hint="start with a fresh --state directory",
            ) from error
    return HostState.factory_new(plan)


def _with_all_components(state: HostState, plan: HostPlan) -> HostState:
    """An older hall knew fewer components than this one lists."""
    state.firmware = {**plan.firmware, **state.firmware}
    return state
