"""Virtual machines behind BMCs that nobody here wrote: sushy-emulator, and QEMU with OVMF.

The emulator keeps each machine's power, boot device and virtual CD, and tells every change to us;
we start and end QEMU as it says, and write down what was really done. No libvirt is needed. What
the emulator cannot know, it is told: a guest that switched itself off is off.

Its limits: `Once` is stored as `Continuous`; its systems have no serial number, so the UUID stands
for it; BIOS attributes, sensors and drives are not there.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt

from provisioning.simulator.certificates import ensure_certificate, fingerprint
from tests.beds.virtual_machine import CODE, VARIABLES

USERNAME, PASSWORD = "admin", "virtual-password"
LOOK_EVERY_S = 0.5
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Virtual:
    """One machine, as it is seated."""

    name: str
    uuid: str
    mac: str
    disk: Path
    memory_mib: int = 1024


@dataclass(slots=True)
class VirtualHall:
    """The emulator, and the machines that it has switched on."""

    folder: Path
    machines: tuple[Virtual, ...]
    ports: tuple[int, ...]
    """The emulator's, and that of who is told of changes."""
    listens: str = "127.0.0.1"
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    emulator: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ends: threading.Event = field(default_factory=threading.Event)

    def address(self, machine: Virtual) -> str:
        """Where its BMC is."""
        path = f"/redfish/v1/Systems/{machine.uuid}"
        return f"redfish+https://{self.listens}:{self.ports[0]}{path}"

    @property
    def fingerprint(self) -> str:
        """Of the emulator's certificate."""
        return fingerprint(self.folder / "bmc.pem")

    def journal(self) -> list[dict[str, Any]]:
        """What was really done, in order."""
        file = self.folder / "journal.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def console(self, name: str) -> str:
        """What a machine said on its serial line, all its boots after each other."""
        file = self.folder / name / "console.txt"
        return file.read_text(errors="replace") if file.exists() else ""

    def told(self, system: dict[str, Any]) -> None:
        """A change at the emulator: power is all that is acted upon, the rest is asked then."""
        machine = next(one for one in self.machines if one.uuid == system["uuid"])
        pending = system.get("pending_power") or {}
        # The emulator shows a change seconds after it was asked for, when somebody looks.
        if pending and time.time() < pending["apply_time"]:
            return
        state = pending.get("power_state") or system["power_state"]
        with self._lock:
            runs = machine.name in self.running
            if state == "On" and not runs:
                self._start(machine, system)
            elif state == "Off" and runs:
                self._end(machine)

    def _start(self, machine: Virtual, system: dict[str, Any]) -> None:
        cd = (system.get("boot_image") or {}).get("Cd") or [None]
        from_cd = system.get("boot_device") == "Cd" and bool(cd[0])
        place = self.folder / machine.name
        place.mkdir(exist_ok=True)
        variables = place / "variables.fd"
        if not variables.exists():
            shutil.copyfile(VARIABLES, variables)
        self.note(machine.name, "power-on", source="cd" if from_cd else "disk", image=str(cd[0]))
        self.running[machine.name] = subprocess.Popen(
            _qemu(machine, place, Path(cd[0]) if from_cd else None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(place / "qemu.log").open("ab"),
        )

    def _end(self, machine: Virtual) -> None:
        process = self.running.pop(machine.name)
        process.kill()
        process.wait()
        disk = "-"
        self.note(machine.name, "power-off", source=disk, image="-")

    def note(self, name: str, what: str, **more: str) -> None:
        """Write down what was done."""
        with (self.folder / "journal.jsonl").open("a") as file:
            file.write(json.dumps({"at": time.time(), "host": name, "what": what, **more}) + "\n")

    def watch(self) -> None:
        """A guest that switched itself off."""
        while not self._ends.wait(LOOK_EVERY_S):
            with self._lock:
                gone = [name for name, one in self.running.items() if one.poll() is not None]
                for name in gone:
                    self.note(name, "went-off", source="-", image="-")
                    del self.running[name]

    def stop(self) -> None:
        """End everything that was started."""
        self._ends.set()
        with self._lock:
            for machine in self.machines:
                if machine.name in self.running:
                    self._end(machine)
        if self.emulator is not None:
            self.emulator.terminate()
            self.emulator.wait()


def _qemu(machine: Virtual, place: Path, cdrom: Path | None) -> list[str | Path]:
    console = place / "console.txt"
    command: list[str | Path] = [
        *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,tb-size=128", "-cpu", "max"),
        *("-m", str(machine.memory_mib), "-smp", "1", "-display", "none", "-nodefaults"),
        *("-drive", f"if=pflash,format=raw,readonly=on,file={CODE}"),
        *("-drive", f"if=pflash,format=raw,file={place / 'variables.fd'}"),
        *("-chardev", f"file,id=console,path={console},append=on", "-serial", "chardev:console"),
        *("-device", "virtio-rng-pci", "-uuid", machine.uuid),
        *("-smbios", f"type=1,manufacturer=Podyard,product=Virtual,serial={machine.uuid}"),
        *("-netdev", "user,id=net,ipv6=off"),
        *("-device", f"virtio-net-pci,netdev=net,mac={machine.mac},romfile="),
        *("-drive", f"if=none,id=disk,format=raw,file={machine.disk}"),
        *("-device", f"virtio-blk-pci,drive=disk,bootindex=2,serial={machine.name}"),
    ]
    if cdrom is not None:
        command += ["-device", "virtio-scsi-pci,id=scsi"]
        command += ["-device", "scsi-cd,drive=cd,bus=scsi.0,bootindex=1"]
        command += ["-drive", f"if=none,id=cd,media=cdrom,format=raw,readonly=on,file={cdrom}"]
    return command


@contextmanager
def virtual_hall(
    folder: Path, machines: tuple[Virtual, ...], *, ports: tuple[int, ...], listens: str
) -> Iterator[VirtualHall]:
    """A hall that is gone afterwards."""
    ensure_certificate(folder / "bmc.pem", folder / "bmc.key", name="virtual", renew=False)
    (folder / "state").mkdir(exist_ok=True)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{USERNAME}:{hashed}\n")
    systems = [
        {
            "uuid": one.uuid,
            "name": one.name,
            "power_state": "Off",
            "external_notifier": True,
            "nics": [{"mac": one.mac, "ip": "10.0.2.15"}],
        }
        for one in machines
    ]
    hall = VirtualHall(folder, machines, ports, listens)
    (folder / "emulator.conf").write_text(
        f"SUSHY_EMULATOR_AUTH_FILE = {str(folder / 'htpasswd')!r}\n"
        f"SUSHY_EMULATOR_STATE_DIR = {str(folder / 'state')!r}\n"
        f"SUSHY_EMULATOR_FAKE_SYSTEMS = {systems!r}\n"
        f"EXTERNAL_NOTIFICATION_URL = 'http://127.0.0.1:{ports[1]}/'\n"
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", ports[1]), _told_by(hall))
    for work in (server.serve_forever, hall.watch):
        threading.Thread(target=work, daemon=True).start()
    with (folder / "emulator.log").open("ab") as log:
        hall.emulator = subprocess.Popen(
            [
                Path(sys.executable).with_name("sushy-emulator"),
                *("--fake", "--config", folder / "emulator.conf"),
                *("-i", listens, "-p", str(ports[0])),
                *("--ssl-certificate", folder / "bmc.pem", "--ssl-key", folder / "bmc.key"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Where it keeps the media that it fetched.
            env={**os.environ, "TMPDIR": str(folder)},
        )
    try:
        yield hall
    finally:
        hall.stop()
        server.shutdown()
        server.server_close()


def _told_by(hall: VirtualHall) -> type[http.server.BaseHTTPRequestHandler]:
    class Told(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            length = int(self.headers["content-length"])
            hall.told(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Told


def uuid_of(name: str) -> str:
    """The same machine is the same in each run."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
