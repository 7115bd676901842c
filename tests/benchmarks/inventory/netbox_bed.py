"""A real NetBox for a benchmark: starts one, says where it is as JSON, and waits to be stopped.

    .venv/bin/python tests/benchmarks/inventory/netbox_bed.py [--workers 4] [--hosts 2500]

The line on stdout has `url`, `token`, the web server's `pid` (its children do the work: their CPU
is the server's) and how many devices it holds. Ends on Ctrl-C or when stdin is closed. From a
program: `with started(workers=4, hosts=2500) as netbox: netbox.url, netbox.token, netbox.pid`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.beds.netbox_server import netbox_server

BATCH = 100  # 500 in one request take a minute, and the limit of the server is two
TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Started:
    """Where it is."""

    url: str
    token: str
    pid: int
    devices: int
    """Of one type without parts: what NetBox is quickest at."""


@contextmanager
def started(*, workers: int = 4, hosts: int = 0) -> Iterator[Started]:
    """A NetBox with so many devices, named and numbered as `host-00042` and `SN00042`."""
    with netbox_server(workers=workers) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        with httpx.Client(
            base_url=f"{server.url}/api/", headers=headers, timeout=TIMEOUT_S, trust_env=False
        ) as client:
            if hosts:
                seed(client, hosts)
        pid = server.processes[-1].pid
        yield Started(server.url, server.token, pid, hosts)


def seed(client: httpx.Client, hosts: int) -> None:
    """Devices by the API, as any client would make them."""

    def made(path: str, **body: object) -> int:
        reply = client.post(path, json=body)
        reply.raise_for_status()
        return int(reply.json()["id"])

    maker = made("dcim/manufacturers/", name="Maker", slug="maker")
    common = {
        "site": made("dcim/sites/", name="Here", slug="here"),
        "role": made("dcim/device-roles/", name="Host", slug="host", color="00aa00"),
        "device_type": made("dcim/device-types/", manufacturer=maker, model="Box", slug="box"),
    }
    for start in range(0, hosts, BATCH):
        numbers = range(start, min(start + BATCH, hosts))
        bodies = [{"name": f"host-{n:05d}", "serial": f"SN{n:05d}", **common} for n in numbers]
        client.post("dcim/devices/", json=bodies).raise_for_status()


def main() -> None:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--hosts", type=int, default=0)
    given = parser.parse_args()
    with started(workers=given.workers, hosts=given.hosts) as netbox:
        line = {"url": netbox.url, "token": netbox.token, "pid": netbox.pid, "devices": given.hosts}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        try:
            sys.stdin.read()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
