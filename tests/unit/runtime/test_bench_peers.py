"""What the bench of the gateway says of other gateways, and what it counts of their processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from runtime.bench.costs import cpu_s, highest_rss_mb, rss_mb, tree
from runtime.bench.peers import PeerError, peers_of
from runtime.cli import app

NESTED = """
import subprocess, sys
inner = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"])
inner.wait()
"""


def test_a_peer_is_measured_once_however_often_it_is_named() -> None:
    peers = peers_of(["ray-serve", "ray-serve"], litellm_program="litellm")
    assert [peer.name for peer in peers] == ["ray-serve"]


@pytest.mark.parametrize(
    ("name", "program", "said"),
    [
        ("kong", "litellm", "--peer 'kong' is no peer; hint: one of litellm, ray-serve"),
        ("litellm", "/no/such/litellm", "'/no/such/litellm' is no program here; hint: pip install"),
    ],
)
def test_a_peer_that_is_not_here_is_told_before_anything_starts(
    name: str, program: str, said: str
) -> None:
    with pytest.raises(PeerError, match="hint:") as raised:
        peers_of([name], litellm_program=program)
    assert said in str(raised.value)
    told = CliRunner().invoke(app, ["bench", "gateway", "--peer", name, "--litellm", program])
    assert told.exit_code == 1
    assert said in " ".join(told.output.split())


def test_all_that_a_process_started_is_counted() -> None:
    before = cpu_s(os.getpid())
    command = [sys.executable, "-c", NESTED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as outer:
        assert outer.stdout is not None
        outer.stdout.readline()
        pids = tree(outer.pid)
        assert len(pids) == 2
        assert rss_mb(outer.pid) > highest_rss_mb(pids[1]) / 2
        outer.communicate(b"\n")
    assert cpu_s(os.getpid()) > before
    assert tree(outer.pid) == [outer.pid]
    assert (cpu_s(outer.pid), rss_mb(outer.pid)) == (0, 0)
