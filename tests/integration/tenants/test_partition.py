"""Sixty seconds in which the controller hears and reaches no host: nothing ends, nobody is evicted.

Packets are dropped, not refused: of the agents' door and of all BMCs on this machine's loopback, of
the head's dashboard and Serve inside its host. The tenants' own networks stay as they are.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest

from tests.integration.tenants.five_hosts import TENANTS, FiveHosts

pytestmark = [
    pytest.mark.integration,
    pytest.mark.ray,
    pytest.mark.long,
    pytest.mark.timeout(3000),
]

CUT_S = 60.0
TABLE = "podyard_test_cut"
HEADS_PORTS = (8265, 8000)
EVICTIONS = ("claim.notice", "claim.unit-notice", "claim.unit-left", "claim.unit-replaced")


def rules(ports: list[int]) -> str:
    """Drop whatever is for these ports or comes from them."""
    listed = ", ".join(map(str, ports))
    return (
        f"table inet {TABLE} {{\n"
        "  chain input {\n"
        "    type filter hook input priority -20;\n"
        f"    tcp dport {{ {listed} }} drop\n"
        f"    tcp sport {{ {listed} }} drop\n"
        "  }\n"
        "}\n"
    )


def nft(text: str, *inside: str) -> None:
    done = subprocess.run(
        [*inside, "nft", "-f", "-"], input=text, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def cut(ports: list[int], *inside: str) -> Iterator[None]:
    nft(rules(ports), *inside)
    try:
        yield
    finally:
        nft(f"delete table inet {TABLE}\n", *inside)


def test_a_minute_of_partition_evicts_nobody_and_fails_no_job(site: FiveHosts) -> None:
    before = {tenant: site.members(tenant) for tenant in TENANTS}
    boots = {host: site.boot_of(host) for host in site.hosts()}
    told = {kind: len(site.told(kind)) for kind in EVICTIONS}
    amid = [site.queue(tenant, "sleep 30; echo ended") for tenant in TENANTS]
    over = [site.queue(tenant, "sleep 90; echo ended") for tenant in TENANTS]
    for job in (*amid, *over):
        site.until_job(job, "running")
    with ExitStack() as cuts:
        bmcs = [int(one["bmc"].rpartition(":")[2]) for one in site.hall["hosts"]]
        cuts.enter_context(cut([site.ports["agents"], *bmcs]))
        for tenant in TENANTS:
            pid = str(next(iter(site.running_on(site.head(tenant)))))
            cuts.enter_context(cut([*HEADS_PORTS], "nsenter", "-t", pid, "-n"))
        time.sleep(CUT_S)
        heard = [site.agent(host).seen_at for hosts in before.values() for host in hosts]
        silent_s = (datetime.now(UTC) - max(heard)).total_seconds()
        assert silent_s > CUT_S / 2, "the agents were heard all along"
    for job in (*amid, *over):
        ended = site.until_job(job, "succeeded", "failed", "stopped")
        assert (ended["state"], ended["tries"]) == ("succeeded", 1), ended["why"]
    site.whole()
    assert {tenant: site.members(tenant) for tenant in TENANTS} == before
    assert {host: site.boot_of(host) for host in boots} == boots
    assert {kind: len(site.told(kind)) for kind in EVICTIONS} == told
