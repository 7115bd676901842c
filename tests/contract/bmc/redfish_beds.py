"""The beds that speak Redfish: other people's emulator, other people's payloads, our own hall."""

from __future__ import annotations

import http.server
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest

from tests.contract.bmc.bed import ROOT, Bed, free_port, listens, process, wait_for
from tests.contract.bmc.declared import MOCKUP, SIMULATOR, SUSHY
from tests.contract.bmc.mockup_server import MockupServer
from tests.integration.drivers.scripted_bmc import Certificate

SUSHY_UUID = "27946b59-9e44-4fa7-8e91-f3527a1ef094"
SUSHY_OTHER_UUID = "c7b1c1d2-33f7-4a35-a2e6-0c2a5f0f9a11"
SUSHY_MAC = "00:5c:52:31:3a:9c"
LAB_IMAGES = ROOT / "pods" / "catalog" / "images"
MOCKUPS = ROOT.parent / "shared" / "redfish-mockups"


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
    port = free_port()
    emulator = Path(sys.executable).with_name("sushy-emulator")
    if not emulator.is_file():
        pytest.skip("sushy-emulator is missing: install sushy-tools")
    command = [
        str(emulator),
        *("--fake", "--config", str(folder / "emulator.conf")),
        *("-i", "127.0.0.1", "-p", str(port)),
        *("--ssl-certificate", str(certificate.cert_file)),
        *("--ssl-key", str(certificate.key_file)),
    ]
    log = folder / "emulator.log"
    with process(command, log) as running:
        wait_for(lambda: listens(port), running, log)
        yield Bed(
            declaration=SUSHY,
            address=f"redfish+https://127.0.0.1:{port}/redfish/v1/Systems/{SUSHY_UUID}",
            fingerprint=certificate.fingerprint,
            username="admin",
            password="sushy-password",
            uuid=SUSHY_UUID,
            serial=SUSHY_UUID,  # its systems have none: then the UUID is who a host is
            mac=SUSHY_MAC,
        )


@contextmanager
def simulator_bed(folder: Path) -> Iterator[Bed]:
    """One host of the project's own hall, whose BIOS is a version behind."""
    state = folder / "hall"
    command = [
        *(sys.executable, "-m", "provisioning.simulator", "lab-4", "--state", str(state)),
        *("--speed", "4", "--fault", "old-firmware@h2:component=BIOS"),
        *("--fault", "ipmi-open@h2"),
    ]
    log = folder / "hall.log"
    with process(command, log) as running:
        told = state / "hall.json"
        wait_for(told.exists, running, log)
        host = json.loads(told.read_text())["hosts"][1]
        yield Bed(
            declaration=SIMULATOR,
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
def mockup_bed(certificate: Certificate) -> Iterator[Bed]:
    """DMTF's rack server, read where it lies beside the project."""
    folder = MOCKUPS / "public-rackmount1"
    if not folder.is_dir():
        pytest.skip("DMTF's mockups are not beside the project (../shared/redfish-mockups)")
    server = MockupServer(folder, username="admin", password="mockup-password")
    with server.listening(certificate) as port:
        system = server.resources["/redfish/v1/Systems/437XR1138R2"]
        yield Bed(
            declaration=MOCKUP,
            address=f"redfish+https://127.0.0.1:{port}",
            fingerprint=certificate.fingerprint,
            username="admin",
            password="mockup-password",
            uuid=str(system["UUID"]).lower(),
            serial=str(system["SerialNumber"]),
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
