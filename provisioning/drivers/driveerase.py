"""What only some BMCs can do about drives: show them, erase them, and say how far that is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pods.erasing import EraseMethod
from provisioning.drivers.protocol import Reading, TaskReading


class DriveReading(Reading):
    """One drive as its BMC shows it, with the ways in which it offers to erase it."""

    uri: str
    slot: str
    serial: str
    methods: tuple[EraseMethod, ...]
    """Those that it offers; none: this drive cannot be erased through the BMC."""
    erasing: bool | None = None
    """Whether an erase of it is under way; None where this BMC does not tell."""
    percent: int | None = None


@runtime_checkable
class DriveEraser(Protocol):
    """A BMC that erases drives while their host is off."""

    async def drives(self) -> tuple[DriveReading, ...]:
        """Every drive that it shows."""

    async def erase_drive(self, serial: str, method: EraseMethod) -> str:
        """Destructive: begin to erase one drive, return the task's URI. Single try."""

    async def erase_tasks(self) -> tuple[TaskReading, ...]:
        """Every task that erases a drive, or that does not say what it is."""
