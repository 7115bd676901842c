"""A virtual machine with real firmware: QEMU's own emulation and OVMF, one processor.

Never the kernel's acceleration: it may be there and be forty times slower than none. Everything
that the machine says on its serial console is kept, and shown when a test fails.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OVMF = Path("/usr/share/OVMF")
CODE, VARIABLES = OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd"
GUEST_SEES_US_AT = "10.0.2.2"
BOOT_DEADLINE_S = 900.0
"""Five times what a boot takes on a machine that has other things to do."""
LOOK_EVERY_S = 0.5
LISTEN_S = 60.0  # for the first line of a daemon that is just starting


def absent() -> str:
    """Why no virtual machine can be had here; empty: one can."""
    if shutil.which("qemu-system-x86_64") is None or not CODE.exists():
        return "virtual machines need QEMU and OVMF: apt-get install qemu-system-x86 ovmf"
    return ""


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """One that runs."""

    process: subprocess.Popen[bytes]
    console: Path

    def said(self) -> str:
        """Everything on its console so far."""
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def wait_for(self, words: str, *, deadline_s: float = BOOT_DEADLINE_S) -> None:
        """Until it has said this."""
        end = time.monotonic() + deadline_s
        while words not in self.said():
            assert self.process.poll() is None, f"QEMU ended; it said:\n{self.last_words()}"
            assert time.monotonic() < end, f"no {words!r} in:\n{self.last_words()}"
            time.sleep(LOOK_EVERY_S)

    def last_words(self) -> str:
        """What a failed test shows."""
        return self.said()[-3000:]


def ssh_greeting(port: int, *, deadline_s: float = BOOT_DEADLINE_S) -> bytes:
    """What sshd says first; QEMU takes a connection before anybody listens in the machine."""
    end = time.monotonic() + deadline_s
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), LISTEN_S) as one,
        ):
            if said := one.recv(100):
                return said
        assert time.monotonic() < end, "nobody listens for ssh"
        time.sleep(LOOK_EVERY_S)


@contextmanager
def machine(
    folder: Path,
    *,
    serial: str,
    mac: str,
    cdrom: Path | None = None,
    disk: Path | None = None,
    ssh_port: int | None = None,
    memory_mib: int = 1024,
) -> Iterator[VirtualMachine]:
    """Start one, and end it."""
    variables, console = folder / "variables.fd", folder / "console.txt"
    shutil.copyfile(VARIABLES, variables)
    forward = f",hostfwd=tcp:127.0.0.1:{ssh_port}-:22" if ssh_port else ""
    command: list[str | Path] = [
        *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,tb-size=128", "-cpu", "max"),
        *("-m", str(memory_mib), "-smp", "1", "-display", "none", "-nodefaults", "-no-reboot"),
        *("-drive", f"if=pflash,format=raw,readonly=on,file={CODE}"),
        *("-drive", f"if=pflash,format=raw,file={variables}"),
        *("-serial", f"file:{console}", "-device", "virtio-rng-pci"),
        *("-smbios", f"type=1,manufacturer=Podyard,product=Virtual,serial={serial}"),
        *("-netdev", f"user,id=net,ipv6=off{forward}"),
        *("-device", f"virtio-net-pci,netdev=net,mac={mac},romfile="),
    ]
    if cdrom is not None:
        command += ["-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-cd,drive=cd,bus=scsi.0"]
        command += ["-drive", f"if=none,id=cd,media=cdrom,format=raw,readonly=on,file={cdrom}"]
    if disk is not None:
        command += ["-drive", f"if=none,id=disk,format=raw,file={disk}"]
        command += ["-device", "virtio-blk-pci,drive=disk"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield VirtualMachine(process, console)
    finally:
        process.kill()
        process.wait()
