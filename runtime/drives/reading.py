"""Reads every drive of a host that is between tenants, and erases first what still has to be.

`python -m runtime.drives.reading --erase crypto --erase overwrite` prints one JSON object a line:
`{"progress": …}` while it works, `{"drives": […]}` at the end. It is a process of its own, so that
the agent answers while a drive is busy for hours, and it goes on with an erase that an earlier life
of it began: a drive that sanitizes is waited for and not asked again.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory.localdisks import local_disks, unplaced_disks
from pods.erasing import DriveRead, EraseMethod
from runtime.drives.blocks import overwrite, sample
from runtime.drives.choosing import (
    Erase,
    Known,
    Refusal,
    choose,
    freeing,
    lied,
    needs_erasing,
)
from runtime.drives.telling import SanitizeLog, ata_security, sanitize_abilities, sanitize_log
from runtime.tether import tethered

NAMESPACE = re.compile(r"(nvme\d+)(?:c\d+)?n\d+")
COMMAND_DEADLINE_S = 60.0
ERASE_DEADLINE_S = 172_800.0  # writing over a 20 TB disk takes 36 hours
LOOK_EVERY_S = 5.0
LOG_MAX_CHARS = 400

Run = Callable[[Sequence[str], float], str]
"""A program's output; empty when it is not there or failed."""


def run(argv: Sequence[str], deadline_s: float = COMMAND_DEADLINE_S) -> str:
    """Fixed programs with a device's name as the kernel gave it."""
    try:
        done = subprocess.run(
            list(argv),
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
            preexec_fn=tethered(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is asked of the host; a test puts files and answers in its place."""

    system: Path = Path("/")
    run: Run = run
    sleep: Callable[[float], None] = time.sleep

    def names(self) -> tuple[str, ...]:
        """The machine's own drives, by the kernel's names."""
        return tuple(one.name for one in local_disks(self.system / "sys/block"))

    def unplaced(self) -> tuple[str, ...]:
        """Disks of which the kernel does not say whether they are the machine's own."""
        return tuple(one.name for one in unplaced_disks(self.system / "sys/block"))

    def known(self, name: str) -> Known:
        """What it says of itself, and what holds it."""
        entry = self.system / "sys/block" / name
        kind = "nvme" if name.startswith("nvme") else "ata" if name.startswith("sd") else "plain"
        asking = {"nvme": ("nvme", "id-ctrl"), "ata": ("hdparm", "-I")}.get(kind)
        told = self.run((*asking, f"/dev/{name}"), COMMAND_DEADLINE_S) if asking else ""
        serial = _text(entry / "device/serial") or _text(entry / "serial")
        return Known(
            name=name,
            serial=serial or _serial(told) or name,
            kind=kind,
            in_use=self._in_use_with_all(name),
            sanicap=sanitize_abilities(told) if kind == "nvme" else None,
            security=ata_security(told) if kind == "ata" else None,
        )

    def log(self, drive: Known) -> tuple[SanitizeLog | None, str]:
        """The drive's own word, and that word as it was said."""
        if drive.kind != "nvme":
            return None, ""
        said = self.run(("nvme", "sanitize-log", f"/dev/{drive.name}"), COMMAND_DEADLINE_S)
        return sanitize_log(said), " ".join(said.split())[:LOG_MAX_CHARS]

    def _in_use_with_all(self, name: str) -> str:
        """Of an NVMe drive every namespace: a sanitize leaves none of them out."""
        return next(filter(None, map(self._in_use, (name, *self._beside(name)))), "")

    def _beside(self, name: str) -> tuple[str, ...]:
        """The other namespaces of an NVMe drive: of its controller, or of its serial number."""
        controller, block = NAMESPACE.fullmatch(name), self.system / "sys/block"
        if controller is None:
            return ()
        serial = _text(block / name / "device/serial")
        return tuple(
            other[0]
            for one in sorted(block.iterdir())
            if (other := NAMESPACE.fullmatch(one.name)) is not None
            and other[0] != name
            and (other[1] == controller[1] or _text(one / "device/serial") == serial != "")
        )

    def _in_use(self, name: str) -> str:
        entry = self.system / "sys/block" / name
        parts = [one.name for one in entry.iterdir() if one.name.startswith(name)]
        for part in (name, *parts):
            holders = entry / ("holders" if part == name else f"{part}/holders")
            if holders.is_dir() and (held := sorted(one.name for one in holders.iterdir())):
                return f"{held[0]} stands on {part}"
        for table in ("proc/self/mounts", "proc/swaps"):
            for line in _text(self.system / table).splitlines():
                device = line.split()[0] if line.split() else ""
                if device.removeprefix("/dev/") in {name, *parts}:
                    return f"{device} is {'swap' if 'swaps' in table else 'mounted'}"
        return ""


def read_all(
    machine: Machine, methods: Sequence[EraseMethod], told: Callable[[str], None]
) -> tuple[DriveRead, ...]:
    """Every drive, one after the other; what one of them cannot fails no other."""
    found = []
    names = machine.names()
    for number, name in enumerate(names, start=1):
        drive = machine.known(name)
        told(f"reads {name} ({number} of {len(names)})")
        _settled(machine, drive, told)
        read = read_one(machine, drive)
        if methods and needs_erasing(read):
            read = _erased(machine, drive, methods, told)
        found.append(read)
    for name in machine.unplaced():
        why = f"{name} hangs on nothing that is known to be inside the machine: left as it is"
        read = read_one(machine, machine.known(name))
        found.append(read.model_copy(update={"refused": why}))
    return tuple(found)


def read_one(machine: Machine, drive: Known) -> DriveRead:
    """Its log, and a sample of its blocks."""
    log, said = machine.log(drive)
    sampled = holding = 0
    try:
        sampled, holding = sample(machine.system / "dev" / drive.name, seed=secrets.randbits(64))
    except OSError as error:
        said = f"cannot be read: {error.strerror}"
    return DriveRead(
        slot=drive.name,
        serial=drive.serial[:64],
        completed=log is not None and log.completed,
        globally_erased=log is not None and log.globally_erased,
        sampled=sampled,
        holding=holding,
        log=said,
    )


def _erased(
    machine: Machine,
    drive: Known,
    methods: Sequence[EraseMethod],
    told: Callable[[str], None],
) -> DriveRead:
    """Erase it by one method after the other until what is read of it proves it.

    The next one follows where one failed, where a drive keeps no log of it (an ATA security erase),
    and where blocks read as noise after the key was thrown away. A drive that lied is let be.
    """
    drive = _freed(machine, drive)
    left, read = list(methods), None
    while True:
        chosen = choose(drive, left)
        if isinstance(chosen, Refusal):
            refused = read_one(machine, drive).model_copy(update={"refused": chosen.why})
            return read or refused
        read = _erased_by(machine, drive, chosen, told)
        del left[: left.index(chosen.method) + 1]
        if not (left and read.doubts()) or (lied(read) and chosen.method != "crypto"):
            return read


def _freed(machine: Machine, drive: Known) -> Known:
    """The drive without the password that an erase of ours put on it and never came to remove."""
    commands = freeing(drive)
    for command in commands:
        machine.run(command, COMMAND_DEADLINE_S)
    return machine.known(drive.name) if commands else drive


def _erased_by(
    machine: Machine, drive: Known, chosen: Erase, told: Callable[[str], None]
) -> DriveRead:
    """Erase it once, and read it again: only what is read counts."""
    again = machine.known(drive.name)  # right before what cannot be undone
    if (again.serial, again.in_use) != (drive.serial, ""):
        changed = f"{drive.name} is another drive by now, or in use: nothing was erased"
        return read_one(machine, drive).model_copy(update={"refused": changed})
    problem = _perform(machine, drive, chosen, told)
    read = read_one(machine, drive)
    done = chosen.method == "overwrite" and not chosen.commands and not problem
    return read.model_copy(
        update={"method": chosen.method, "overwritten": done, "refused": problem}
    )


def _perform(machine: Machine, drive: Known, chosen: Erase, told: Callable[[str], None]) -> str:
    """Run it; what went wrong, or nothing."""
    told(f"erases {drive.name} ({chosen.method})")
    if not chosen.commands:
        try:
            overwrite(
                machine.system / "dev" / drive.name,
                lambda percent: told(f"writes over {drive.name}: {percent} %"),
            )
        except OSError as error:
            return f"writing over it failed: {error.strerror}"
        return ""
    for command in chosen.commands:
        machine.run(command, ERASE_DEADLINE_S)
    log = _settled(machine, drive, told)
    if drive.kind == "nvme" and (log is None or not log.completed):
        return f"its log says no {chosen.method} sanitize that completed"
    if drive.kind == "ata":
        return _trouble_after_ata(machine, drive)
    return ""


def _trouble_after_ata(machine: Machine, drive: Known) -> str:
    """A drive takes the password away when its erase ended well; else we take it away."""
    after = machine.known(drive.name)
    if after.security is not None and not after.security.enabled:
        return ""
    _freed(machine, after)
    return "its security erase did not come to its end"


def _settled(machine: Machine, drive: Known, told: Callable[[str], None]) -> SanitizeLog | None:
    """Wait for a sanitize that is under way, whoever began it."""
    waited_s = 0.0
    while True:
        log, _ = machine.log(drive)
        if log is None or not log.running or waited_s > ERASE_DEADLINE_S:
            return log
        told(f"{drive.name} erases itself: {log.percent} %")
        machine.sleep(LOOK_EVERY_S)
        waited_s += LOOK_EVERY_S


def _serial(features: str) -> str:
    for line in features.splitlines():
        if line.strip().startswith("Serial Number:"):
            return line.partition(":")[2].strip()
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # absent, or only for root
        return ""


def main(arguments: list[str] | None = None) -> int:
    """Read, and erase where it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m runtime.drives.reading", description=__doc__)
    parser.add_argument("--erase", action="append", choices=("crypto", "block", "overwrite"))
    options = parser.parse_args(arguments)
    last = ""

    def told(progress: str) -> None:
        nonlocal last
        if progress != last:
            last = progress
            _say({"progress": progress})

    found = read_all(Machine(), options.erase or (), told)
    _say({"drives": [one.model_dump(mode="json") for one in found]})
    return 0


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
