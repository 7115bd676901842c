"""How one drive is erased in band, or why it is not: decided from what it says, nothing done.

A drive is refused where erasing it would hurt somebody or prove nothing: one that is in use, one
that is locked by a password that nobody knows, one that said it was erased and was not. Each
refusal is of that drive alone. A password that an erase of ours left behind, since the power went
meanwhile, is known: it is taken away first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pods.erasing import DriveRead, EraseMethod
from runtime.drives.telling import BLOCK, CRYPTO, OVERWRITE, AtaSecurity

ERASE_PASSWORD = "podyard-erase"  # noqa: S105 - given to the drive for the erase, which removes it


AS_USER = ("hdparm", "--user-master", "u")


@dataclass(frozen=True, slots=True)
class Known:
    """One drive, as far as it was read."""

    name: str
    """As the kernel calls it: nvme0n1, sda."""
    serial: str
    kind: str
    """nvme, ata, or plain: a drive that can only be written over."""
    in_use: str = ""
    """What holds it: a mount, a swap, something built on it."""
    sanicap: int | None = None
    security: AtaSecurity | None = None


@dataclass(frozen=True, slots=True)
class Erase:
    """What is run, in order; none: it is written over from here."""

    method: EraseMethod
    commands: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why this drive is left as it is."""

    why: str


def needs_erasing(read: DriveRead) -> bool:
    """Whether it is not proven erased, and may be asked."""
    return bool(read.doubts()) and not lied(read)


def lied(read: DriveRead) -> bool:
    """A drive that says it is all erased and holds data is not asked again.

    A sanitize stays "completed" when somebody writes afterwards; only its other bit is then gone.
    """
    return read.completed and read.globally_erased and read.holding > 0


def freeing(drive: Known) -> tuple[tuple[str, ...], ...]:
    """What takes our own password away from a drive that an erase left it on; none: it has none.

    A drive on which somebody else put one refuses, and counts the try: it takes five in a boot.
    """
    security, device = drive.security, f"/dev/{drive.name}"
    if security is None or not security.enabled or security.frozen or drive.in_use:
        return ()
    unlock = ((*AS_USER, "--security-unlock", ERASE_PASSWORD, device),)
    disable = (*AS_USER, "--security-disable", ERASE_PASSWORD, device)
    return (*(unlock if security.locked else ()), disable)


def choose(drive: Known, methods: Sequence[EraseMethod]) -> Erase | Refusal:
    """The first of the policy's methods that this drive can do."""
    if drive.in_use:
        return Refusal(f"{drive.name} is in use: {drive.in_use}")
    if drive.security is not None and drive.security.locked:
        return Refusal(f"{drive.name} is locked by a password that podyard does not know")
    for method in methods:
        commands = _commands(drive, method)
        if commands is not None:
            return Erase(method, commands)
    return Refusal(f"{drive.name} can do none of {', '.join(methods)}{_because(drive)}")


def _commands(drive: Known, method: EraseMethod) -> tuple[tuple[str, ...], ...] | None:
    """Empty: written over by ourselves. None: this drive cannot."""
    device = f"/dev/{drive.name}"
    if drive.kind == "nvme":
        bit, action = {"crypto": (CRYPTO, 4), "block": (BLOCK, 2), "overwrite": (OVERWRITE, 3)}[
            method
        ]
        if drive.sanicap is not None and drive.sanicap & bit:
            return (("nvme", "sanitize", device, f"--sanact={action}"),)
    security = drive.security
    erases = security is not None and security.supported and not security.frozen
    free = erases and security is not None and not security.enabled
    if drive.kind == "ata" and method == "block" and free and security is not None:
        how = "--security-erase-enhanced" if security.enhanced else "--security-erase"
        return (
            (*AS_USER, "--security-set-pass", ERASE_PASSWORD, device),
            (*AS_USER, how, ERASE_PASSWORD, device),
        )
    return () if method == "overwrite" else None


def _because(drive: Known) -> str:
    if drive.security is not None and drive.security.frozen:
        return ": its firmware froze its security settings; power it off and on without them"
    if drive.kind == "nvme" and drive.sanicap is None:
        return ": it does not say what it can"
    return ""
