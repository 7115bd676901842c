"""BMCs that the contract runs on: other people's emulator, and the project's own hall.

Each bed says what it lacks and why, so that a skipped part of the contract is counted by name.
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import pytest
from pydantic import SecretStr

from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.protocol import Bmc
from tests.integration.drivers.scripted_bmc import Certificate

START_S = 60.0
"""Both start in 2 s on an idle machine; a loaded one takes many times that."""
SUSHY_UUID = "27946b59-9e44-4fa7-8e91-f3527a1ef094"
SUSHY_OTHER_UUID = "c7b1c1d2-33f7-4a35-a2e6-0c2a5f0f9a11"
SUSHY_MAC = "00:5c:52:31:3a:9c"
LAB_IMAGES = Path(__file__).parents[3] / "pods" / "catalog" / "images"


@dataclass(frozen=True)
class Bed:
    """One BMC, what is known about its host, and what it cannot do."""

    name: str
    address: str
    fingerprint: str
    username: str
    password: str
    uuid: str
    mac: str
    serial: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    journal: Path | None = None

    def done(self, what: str) -> int | None:
        """How often the bed itself says that it did `what`; None when it keeps no journal."""
        if self.journal is None:
            return None
        entries = (json.loads(line) for line in self.journal.read_text().splitlines())
        return sum(1 for entry in entries if (entry["host"], entry["what"]) == (self.host, what))

    def open(self, *, password: str | None = None, fingerprint: str | None = None) -> Bmc:
        """A new driver, with other credentials or another pin where given."""
        return open_bmc(
            self.address,
            Credentials(username=self.username, password=SecretStr(password or self.password)),
            fingerprint=fingerprint or self.fingerprint,
        )


@contextmanager
def sushy_bed(folder: Path, certificate: Certificate) -> Iterator[Bed]:
    """`sushy-emulator --fake` with two Systems, TLS and a password."""
    state = folder / "state"
    state.mkdir()
    hashed = bcrypt.hashpw(b"sushy-password", bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"admin:{hashed}\n")
    systems = [
        {
            "uuid": identity,
            "name": f"fake-{index}",
            "power_state": "Off",
            "external_notifier": False,
            "nics": [{"mac": mac, "ip": "172.22.0.100"}],
        }
        for index, (identity, mac) in enumerate(
            [(SUSHY_OTHER_UUID, "00:5c:52:31:3a:9d"), (SUSHY_UUID, SUSHY_MAC)]
        )
    ]
    (folder / "emulator.conf").write_text(
        f"SUSHY_EMULATOR_AUTH_FILE = {str(folder / 'htpasswd')!r}\n"
        f"SUSHY_EMULATOR_STATE_DIR = {str(state)!r}\n"
        f"SUSHY_EMULATOR_FAKE_SYSTEMS = {systems!r}\n"
    )
    port = _free_port()
    emulator = Path(sys.executable).with_name("sushy-emulator")
    if not emulator.is_file():
        pytest.skip(f"{emulator} is missing: install sushy-tools")
    command = [
        str(emulator),
        *("--fake", "--config", str(folder / "emulator.conf")),
        *("-i", "127.0.0.1", "-p", str(port)),
        *("--ssl-certificate", str(certificate.cert_file)),
        *("--ssl-key", str(certificate.key_file)),
    ]
    with _process(command, folder / "emulator.log") as process:
        _wait_for(lambda: _listens(port), process, folder / "emulator.log")
        yield Bed(
            name="sushy-emulator",
            address=f"redfish+https://127.0.0.1:{port}/redfish/v1/Systems/{SUSHY_UUID}",
            fingerprint=certificate.fingerprint,
            username="admin",
            password="sushy-password",
            uuid=SUSHY_UUID,
            mac=SUSHY_MAC,
            lacks={
                "once": "it stores Once as Continuous",
                "disabled": "it has no way to clear an override",
                "bios": "its fake driver has no BIOS attributes",
                "firmware": "it has no FirmwareInventory",
                "power meter": "it has no power readings",
                "hardware": "its fake driver has network interfaces and nothing else",
            },
        )


@contextmanager
def simulator_bed(folder: Path) -> Iterator[Bed]:
    """One host of the project's own hall, whose BIOS is a version behind."""
    state = folder / "hall"
    command = [
        *(sys.executable, "-m", "provisioning.simulator", "lab-4", "--state", str(state)),
        *("--speed", "4", "--fault", "old-firmware@h2:component=BIOS"),
    ]
    with _process(command, folder / "hall.log") as process:
        told = state / "hall.json"
        _wait_for(told.exists, process, folder / "hall.log")
        host = json.loads(told.read_text())["hosts"][1]
        yield Bed(
            name="simulator",
            address=host["bmc"],
            fingerprint=host["fingerprint"],
            username=host["username"],
            password=host["password"],
            uuid=host["uuid"],
            serial=host["serial"],
            mac=host["mac"],
            host=host["name"],
            journal=state / "journal.jsonl",
        )


@contextmanager
def image_server(folder: Path, certificate: Certificate) -> Iterator[str]:
    """Serve the lab's firmware images and two small ISO files over HTTPS; yield the base URL."""
    for image in LAB_IMAGES.glob("*.fw"):
        (folder / image.name).write_bytes(image.read_bytes())
    for name in ("first.iso", "second.iso"):
        (folder / name).write_bytes(b"\0" * 4096)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.cert_file, certificate.key_file)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    # A bare environment: proxies and REQUESTS_CA_BUNDLE of the machine must not reach it.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(log.parent),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PYTHONUNBUFFERED": "1",
    }
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    ends_at = time.monotonic() + START_S
    while not ready():
        assert process.poll() is None, f"it ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < ends_at, f"not ready: {log.read_text()[-2000:]}"
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
