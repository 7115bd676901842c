"""A delivery note of twenty, and a hall of twenty BMCs over HTTPS: expected, found, made hosts."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.bed import PODYARD, ROOT, Bed, bed

pytestmark = pytest.mark.integration

HOSTS = 20


def podyard(made: Bed, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    state = made.directory / "service"
    access = json.loads((state / "client.json").read_text())
    done = subprocess.run(
        [*PODYARD, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=180,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(made.directory),
            "PODYARD_URL": access["url"],
            "PODYARD_KEY": access["key"],
        },
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def service_uuid(address: str) -> str:
    """As the vendor's list would have it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = address.replace("redfish+https", "https") + "/redfish/v1/"
    reply = httpx.get(url, verify=context, timeout=30, trust_env=False)
    return str(reply.json()["UUID"])


def delivery(hall: dict[str, Any], passwords: bool = True) -> str:  # noqa: FBT001, FBT002
    """Half of the rows know the address, the other half the UUID alone; two come as hosts."""
    lines = ["name;pod;slot;serial;uuid;bmc;username;password;enrol"]
    for number, host in enumerate(hall["hosts"]):
        by_address = number % 2 == 0
        cells = (
            host["name"], "lab", host["slot"], host["serial"],
            "" if by_address else service_uuid(host["bmc"]),
            host["bmc"] if by_address else "none",
            host["username"], host["password"] if passwords else "",
            "yes" if number < 2 else "",
        )  # fmt: skip
        lines.append(";".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    return "\r\n".join(lines) + "\r\n"


def test_a_delivery_is_imported_found_matched_adopted_and_begins_to_come_up() -> None:
    with bed(speed=4.0) as made:
        made._start(
            "hall", "simulate", "lab-4", "--hosts", str(HOSTS),
            "--state", str(made.directory / "hall"), "--speed", "4",
        )  # fmt: skip
        made.wait(180, (made.directory / "hall" / "hall.json").exists)
        made.start_service()
        made.login()
        hall = made.hall
        spec = json.loads((made.directory / "hall" / "spec.json").read_text())
        empty = made.call("POST", "/api/pods", {"name": "lab", "spec": spec, "simulated": True})
        assert empty.is_success, empty.text
        note = made.directory / "delivery.csv"
        note.write_bytes(b"\xef\xbb\xbf" + delivery(hall).encode())

        assert "20" in podyard(made, "host", "import", str(note), "--dry-run").stdout
        podyard(made, "host", "import", str(note))
        assert made.get("/api/expected-hosts")["count"] == HOSTS
        assert made.get("/api/hosts")["count"] == 0

        ports = [host["bmc"].rpartition(":")[2] for host in hall["hosts"]]
        dead = made.ports["agents"], made.ports["gateway"]
        words = [word for port in (*ports, *dead) for word in ("--port", str(port))]
        declared = ("bmc", "network", "hall", "127.0.0.1/32", *words)
        podyard(made, *declared, "--simulated", "--ipmi-port", "0")
        walk = json.loads(podyard(made, "bmc", "discover", "-o", "json").stdout)
        assert (walk["state"], walk["answered"], walk["matched"]) == ("done", HOSTS, HOSTS)

        found = made.get("/api/found-bmcs?limit=100")["results"]
        pins = {host["bmc"]: host["fingerprint"] for host in hall["hosts"]}
        assert {one["address"]: one["fingerprint"] for one in found} == pins
        hosts = made.hosts()
        assert set(hosts) == {host["name"] for host in hall["hosts"][:2]}
        rest = podyard(made, "host", "enrol", "--all", "-o", "json")
        assert json.loads(rest.stdout)["enrolled"] == HOSTS - 2

        made.wait(240, lambda: _inspected(made) == HOSTS)
        serials = {one["name"]: one["serial"] for one in hall["hosts"]}
        assert {n: h["observed"]["serial"] for n, h in made.hosts().items()} == serials
        _nothing_secret(made, [host["password"] for host in hall["hosts"]])


def _inspected(made: Bed) -> int:
    try:
        return sum(h["observed"]["serial"] is not None for h in made.hosts().values())
    except httpx.TransportError:
        return 0


def _nothing_secret(made: Bed, passwords: list[str]) -> None:
    for log in made.directory.glob("*.log"):
        text = log.read_text(errors="replace")
        assert not [one for one in passwords if one in text], log
    copy = made.directory / "copy.db"
    shutil.copyfile(next(Path(made.directory / "service").glob("*.db")), copy)
    raw = copy.read_bytes()
    assert not [one for one in passwords if one.encode() in raw]
