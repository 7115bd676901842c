"""`make demo-vm`: two virtual machines with real firmware, from nothing to certified and off again.

Nothing here is simulated but the iron: OVMF starts a virtual CD that a BMC of others' making
inserted, Debian's kernel writes the image to the disk and starts from there, and podyard does what
it does in a hall, through its own doors. It runs as root in a network namespace of its own, so that
nothing is reached from outside and nothing is left; the image is built before, with the network.

What it prints is taken from the API, from the journal of who started QEMU, or from verifying a
signature. A part of the chain that is not there yet is not in the answer.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from inventory.statedir import StateDirectory
from pods.certificate import verify
from pods.keys import SigningKey, keyring, public_key_from_pem
from provisioning.images.library import SIGNATURE, Image
from provisioning.images.manifest import read_manifest, sign_manifest
from provisioning.images.programs import missing
from tests.bed import ROOT, Bed, free_ports, is_parked
from tests.beds.images import image_of
from tests.beds.virtual_hall import PASSWORD, USERNAME, Virtual, VirtualHall, uuid_of, virtual_hall
from tests.beds.virtual_machine import absent

SPEC, POD = "lab-vm-2", "vm"
INSIDE = "PODYARD_DEMO_VM_INSIDE"
SEEN_AT = "198.18.0.1"
"""Of the range for tests of networks (RFC 2544): the guests reach it through QEMU as any other."""
DISK_BYTES = 3 * 1024**3
NEEDED = ("mmdebstrap", "mksquashfs", "xorriso", "mkfs.vfat", "mcopy", "mmd")
START_S, INSPECT_S, READY_S, WIPE_S = 300.0, 600.0, 3 * 3600.0, 1800.0
"""Deadlines: what emulated processors may take on a machine that has other things to do."""
LOOK_EVERY_S = 2.0
SECONDS = re.compile(r" since \d+ s")
ENVIRONMENT = {
    # The emulator fetches a medium whole before it answers.
    "PODYARD_PROVISIONING_BMC_DEADLINE_S": "300",
    "PODYARD_PROVISIONING_PLAYBOOK": "none",
}


class DemoFailed(Exception):
    """What was waited for did not come."""


def main() -> int:
    """Build, step into a namespace, tell."""
    parser = argparse.ArgumentParser(prog="make demo-vm", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end when the story is told")
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text")
    parser.add_argument("--hosts", type=int, choices=(1, 2), default=2)
    parser.add_argument("--state", type=Path, default=ROOT / ".state" / "demo-vm")
    parser.add_argument("--kill", choices=("write",), help="kill the service in the middle of it")
    wish = parser.parse_args()
    if why := _lacks():
        sys.stderr.write(f"error: {why}\n")
        return 1
    if os.environ.get(INSIDE) is None:
        began = time.monotonic()
        image = image_of("small")
        built_s = round(time.monotonic() - began, 1)
        told = {**os.environ, INSIDE: f"{built_s}:{image.folder}"}
        command = ["unshare", "--net", sys.executable, "-m", "tests.demo_vm", *sys.argv[1:]]
        return subprocess.run(command, check=False, cwd=ROOT, env=told).returncode
    try:
        told_ = Story(wish).tell()
    except DemoFailed as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(json.dumps(told_, indent=2 if wish.output == "text" else None) + "\n")
    return 0


def _lacks() -> str:
    if os.geteuid() != 0:
        return "machines, images and namespaces are made as root\nhint: sudo make demo-vm"
    if packages := missing(NEEDED):
        names = " ".join(packages)
        return f"not installed on this machine: {names}\nhint: apt-get install {names}"
    return absent().replace(": apt-get", "\nhint: apt-get")


class Story:
    """One telling."""

    def __init__(self, wish: argparse.Namespace) -> None:
        self.wish = wish
        self.state: Path = wish.state
        built_s, _, folder = os.environ[INSIDE].partition(":")
        self.seconds: dict[str, float] = {"image": float(built_s)}
        self.kept = Path(folder)
        self.said: dict[str, str] = {}
        self.kills = 0

    def tell(self) -> dict[str, Any]:
        """Everything, in order."""
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(parents=True, mode=0o700)
        for command in (("link", "set", "lo", "up"), ("addr", "add", f"{SEEN_AT}/32", "dev", "lo")):
            subprocess.run(["ip", *command], check=True)
        with ExitStack() as stack:
            bed = Bed(self.state, agents_at=SEEN_AT)
            stack.callback(bed.stop)
            hall = stack.enter_context(self._hall())
            image = self._image()
            self._part("start", lambda: self._start(bed, image))
            self._part("inspect", lambda: self._apply(bed, hall))
            self._part("ready", lambda: self._bring_up(bed))
            hosts = bed.hosts()
            certificates = self._certificates(bed)
            written = self._written(bed, image)
            self._part("clean", lambda: self._clean(bed))
            if not self.wish.exit:
                self._say("Ctrl-C ends it")
                _until_interrupted()
            journal = hall.journal()
            return {
                "simulated": any(one["simulated"] for one in hosts.values()),
                "firmware": "OVMF",
                "hosts": len(hosts),
                "ready": sum(1 for one in hosts.values() if one["state"] == "ready"),
                "image": {
                    "digest": image.manifest.digest,
                    "verified_on_host": written == set(hosts),
                },
                "certificates_verified": certificates,
                "service_killed": self.kills,
                "starts_from_cd": _count(journal, "power-on", "cd"),
                "starts_from_disk": _count(journal, "power-on", "disk"),
                "off_at_the_end": all(
                    one["power"].lower() == "off" for one in bed.hosts().values()
                ),
                "seconds": self.seconds,
            }

    def _hall(self) -> Any:
        folder = self.state / "hall"
        folder.mkdir()
        machines = []
        for number in range(1, self.wish.hosts + 1):
            disk = folder / f"vm{number}.disk"
            with disk.open("wb") as file:
                file.truncate(DISK_BYTES)
            name = f"vm{number}"
            machines.append(Virtual(name, uuid_of(name), f"52:54:00:00:00:0{number}", disk))
        return virtual_hall(folder, tuple(machines), ports=free_ports(2), listens=SEEN_AT)

    def _image(self) -> Image:
        """The kept image, signed by this service's own key."""
        directory = StateDirectory(self.state / "service")
        directory.signing_key.parent.mkdir(parents=True, mode=0o700)
        key = SigningKey.generate(directory.signing_key, purpose="production")
        folder = directory.images / self.kept.name
        folder.mkdir(parents=True)
        for file in self.kept.iterdir():
            if file.name != SIGNATURE:
                (folder / file.name).symlink_to(file)
        image = Image(folder, read_manifest((folder / "manifest.json").read_bytes()))
        image.sign(sign_manifest(image.manifest, key=key))
        return image

    def _start(self, bed: Bed, image: Image) -> None:
        self.environment = {
            **ENVIRONMENT,
            "PODYARD_PROVISIONING_BOOT_IMAGE": image.manifest.digest,
        }
        bed.start_service(ready=False, environment=self.environment)
        self._wait(bed, START_S, bed.answers, "the service")
        bed.login()

    def _apply(self, bed: Bed, hall: VirtualHall) -> None:
        hosts = [
            {
                "name": one.name,
                "slot": f"r1-h{number}",
                "bmc": hall.address(one),
                "fingerprint": hall.fingerprint,
                "username": USERNAME,
                "password": PASSWORD,
                "serial": one.uuid,
                "mac": one.mac,
            }
            for number, one in enumerate(hall.machines, start=1)
        ]
        body = {"name": POD, "site": "here", "spec": SPEC, "hosts": hosts, "simulated": False}
        reply = bed.call("POST", "/api/pods", body)
        if not reply.is_success:
            raise DemoFailed(reply.text)
        found: list[httpx.Response] = []

        def planned() -> bool:
            found[:] = [bed.call("GET", f"/api/pods/{POD}/plan")]
            return found[0].is_success and all(
                one["state"] == "matching" for one in bed.hosts().values()
            )

        self._wait(bed, INSPECT_S, planned, "a plan")
        bed.approve(found[0].json()["plan"]["digest"], POD)

    def _bring_up(self, bed: Bed) -> None:
        def ready() -> bool:
            hosts = bed.hosts().values()
            if self.wish.kill == "write" and not self.kills:
                self._kill_while_writing(bed)
            parked = [one for one in hosts if is_parked(one)]
            if parked:
                problem = parked[0]["problem"]
                raise DemoFailed(f"{parked[0]['name']}: {problem['kind']}: {problem['message']}")
            return all(one["state"] == "ready" for one in hosts)

        self._wait(bed, READY_S, ready, "all hosts to be ready")

    def _kill_while_writing(self, bed: Bed) -> None:
        """SIGKILL while bytes go to a disk; a new service finds the write where it is."""
        writing = [one for one in bed.hosts().values() if ": writing: " in one["waiting"]]
        if writing:
            self._say(f"the service is killed: {writing[0]['waiting']}")
            bed.kill_service()
            self.kills += 1
            bed.start_service(ready=False, environment=self.environment)
            self._wait(bed, START_S, bed.answers, "the service again")

    def _certificates(self, bed: Bed) -> int:
        """Verified here, with the service's public key alone."""
        pem = SigningKey.load(
            StateDirectory(self.state / "service").signing_key, purpose="production"
        ).public_pem()
        ring = keyring((public_key_from_pem(pem), "production"))
        verified = 0
        for one in bed.get("/api/certificates")["results"]:
            envelope = bed.get(f"/api/certificates/{one['id']}")["envelope"]
            verify(json.dumps(envelope).encode(), ring=ring, now=datetime.now(UTC))
            verified += 1
        return verified

    def _written(self, bed: Bed, image: Image) -> set[str]:
        """Hosts of which the event log says that their disk gave this image back."""
        events = bed.get("/api/events?kind=host.disk-written&limit=100")["results"]
        return {
            one["subject"].removeprefix("host:")
            for one in events
            if one["new"] == image.manifest.digest
        }

    def _clean(self, bed: Bed) -> None:
        for name in bed.hosts():
            reply = bed.call("POST", f"/api/hosts/{name}/target", {"target": "enrolled"})
            if not reply.is_success:
                raise DemoFailed(reply.text)
        self._wait(
            bed,
            WIPE_S,
            lambda: all(one["state"] == "enrolled" for one in bed.hosts().values()),
            "all hosts to be clean",
        )

    def _part(self, name: str, work: Callable[[], None]) -> None:
        began = time.monotonic()
        work()
        self.seconds[name] = round(time.monotonic() - began, 1)

    def _wait(self, bed: Bed, deadline_s: float, true: Callable[[], bool], what: str) -> None:
        ends = time.monotonic() + deadline_s
        while time.monotonic() < ends:
            try:
                if true():
                    return
                if bed.key:
                    self._progress(bed)
            except httpx.TransportError:
                if bed.processes["service"].poll() is not None:
                    raise DemoFailed(f"the service ended:\n{bed.last_words()}") from None
            time.sleep(LOOK_EVERY_S)
        raise DemoFailed(f"waited {deadline_s:.0f} s for {what}; hint: see {self.state}")

    def _progress(self, bed: Bed) -> None:
        for name, one in bed.hosts().items():
            trouble = one["problem"]["message"] if one["problem"] else ""
            said = f"{one['state']}: {one['waiting']} {trouble}".strip()
            news = SECONDS.sub("", said)  # a wait that goes on is none
            if self.said.get(name) != news:
                self.said[name] = news
                self._say(f"{name} {said}")

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        sys.stderr.flush()


def _count(journal: list[dict[str, Any]], what: str, source: str) -> int:
    return sum(1 for one in journal if (one["what"], one["source"]) == (what, source))


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    raise SystemExit(main())
