"""The head of a tenant's cluster is killed: jobs and served models return by themselves."""

from __future__ import annotations

import os
import signal

import httpx
import pytest

from runtime.demo import MODEL, MODEL_SHA256, MODEL_SOURCE
from tests.integration.tenants.five_hosts import FiveHosts

pytestmark = [
    pytest.mark.integration,
    pytest.mark.ray,
    pytest.mark.long,
    pytest.mark.timeout(3000),
]


def test_jobs_and_models_return_when_the_head_is_killed(site: FiveHosts) -> None:
    head = site.head("red")
    with_model(site)
    try:
        code, output = site.ray("red", "job", "submit", "--submission-id", "before", "--", "true")
        assert code == 0, output
        name = site.queue("red", "sleep 30; echo ended")
        site.until_job(name, "running")
        [gcs] = site.running_on(head, "gcs_server")
        os.kill(gcs, signal.SIGKILL)
        site.wait(300, lambda: site.running_on(head, "gcs_server") not in ([], [gcs]))
        job = site.until_job(name, "succeeded", "failed", "stopped", limit_s=600)
        assert (job["state"], job["tries"], job["failures"]) == ("succeeded", 2, 0), job["why"]
        code, output = site.ray("red", "job", "status", "before")
        assert code == 0, output
        assert "succeeded" in output
        site.wait(600, lambda: answers(site))
        assert site.head("red") == head
    finally:
        without_model(site)


def with_model(site: FiveHosts) -> None:
    """Serve a small model on the red cluster."""
    deployment = {
        "tenant": "red", "cluster": "main", "name": MODEL, "source": MODEL_SOURCE,
        "sha256": MODEL_SHA256,
    }  # fmt: skip
    reply = site.call("POST", "/api/deployments", deployment)
    assert reply.is_success, reply.text
    site.wait(600, lambda: answers(site))


def without_model(site: FiveHosts) -> None:
    """Serve it no more."""
    assert site.call("DELETE", f"/api/deployments/{MODEL}?tenant=red").is_success
    site.wait(300, lambda: not site.get("/api/deployments")["results"])


def answers(site: FiveHosts) -> bool:
    """True when the model says something through the gateway."""
    try:
        reply = httpx.post(
            f"http://127.0.0.1:{site.ports['gateway']}/v1/chat/completions",
            headers={"Authorization": f"Bearer {site.keys['red']}"},
            json={"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
            timeout=60, trust_env=False,
        )  # fmt: skip
    except httpx.TransportError:
        return False
    return reply.status_code == httpx.codes.OK
