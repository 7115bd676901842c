"""Two tenants beside each other: each runs jobs on its own hosts, and neither meets the other."""

from __future__ import annotations

import sys

import httpx
import pytest

from tests.integration.tenants.five_hosts import FiveHosts

pytestmark = [pytest.mark.integration, pytest.mark.ray, pytest.mark.timeout(1800)]

WHERE = (
    "import ray, socket; ray.init(); "
    "at = ray.remote(resources={'compute_unit': 1}, num_cpus=0)(lambda: socket.gethostname()); "
    "print('ran on', ray.get(at.remote()))"
)
HANDSHAKE = """
import socket, ssl, sys
context = ssl.create_default_context(cadata=sys.stdin.read())
plain = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
try:
    context.wrap_socket(plain, server_hostname=sys.argv[1])
except ssl.SSLCertVerificationError:
    print(False)
else:
    print(True)
"""
GCS_PORT = "6379"


@pytest.mark.parametrize("tenant", ["red", "blue"])
def test_each_tenant_runs_a_job_on_its_own_hosts(site: FiveHosts, tenant: str) -> None:
    code, output = site.ray(tenant, "job", "submit", "--", "python", "-c", WHERE)
    assert code == 0, output
    assert any(f"ran on {host}" in output for host in site.members(tenant)), output


def test_no_listening_port_of_one_tenant_answers_another(site: FiveHosts) -> None:
    head, worker = site.members("red")
    for host, neighbour in ((head, worker), (worker, head)):
        assert site.knock(neighbour, host), "nothing listens: this would prove nothing"
        for stranger in site.members("blue"):
            assert site.knock(stranger, host) == set()


def test_an_address_of_the_others_network_opens_nothing_either(site: FiveHosts) -> None:
    stranger, head = site.worker("blue"), site.head("red")
    taken = f"{site.address(head).rpartition('.')[0]}.199/24"
    site.inside(stranger, "ip", "addr", "add", taken, "dev", "eth0")
    try:
        assert site.knock(stranger, head) == set()
    finally:
        site.inside(stranger, "ip", "addr", "del", taken, "dev", "eth0")


def test_another_tenants_token_is_refused(site: FiveHosts) -> None:
    socket = site.place(site.head("red")).parent / "run/relay/dashboard.sock"
    said = {}
    for tenant in ("red", "blue"):
        token = (site.place(site.head(tenant)) / "etc/podyard/ray-token").read_text()
        transport = httpx.HTTPTransport(uds=str(socket))
        with httpx.Client(transport=transport, timeout=60) as client:
            reply = client.get("http://ray/api/jobs/", headers={"Authorization": f"Bearer {token}"})
        said[tenant] = reply.status_code
    assert said == {"red": 200, "blue": 403}


def test_grpc_shows_a_certificate_of_the_clusters_own_authority(site: FiveHosts) -> None:
    head, worker = site.members("red")
    address = site.address(head)
    believed = {}
    for tenant in ("red", "blue"):
        authority = (site.place(site.head(tenant)) / "etc/podyard/ray-tls/ca.pem").read_text()
        said = site.inside(
            worker, sys.executable, "-c", HANDSHAKE, address, GCS_PORT, given=authority
        )
        believed[tenant] = said.strip()
    assert believed == {"red": "True", "blue": "False"}
