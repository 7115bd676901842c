"""What tenants do, with the clients that they have: unmodified `openai` and `ray`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from provisioning.simulator.journal import feed_peaks
from runtime.demo import MODEL, MODEL_SHA256, MODEL_SOURCE
from tests.bed import Bed, bed

pytestmark = [pytest.mark.integration, pytest.mark.ray, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def served() -> Iterator[Bed]:
    """A pod, a claim of two units, a model."""
    with bed(speed=4.0) as one:
        one.start_hall()
        one.start_service()
        one.login()
        one.apply_pod()
        plan = one.plan()
        one.approve(plan["digest"])
        one.wait(180, one.settled)
        # Four at once would draw 700 + 3 x 1200 W: only admission keeps them below 3680 W.
        assert len(one.hosts()) == sum(h["state"] == "ready" for h in one.hosts().values())
        assert feed_peaks(one.journal)["a"] <= plan["budget_watts"]
        assert one.call("POST", "/api/tenants", {"name": "acme"}).is_success
        claim = {
            "tenant": "acme", "cluster": "main", "unit_class": "lab-cpu", "count": 2,
            "accept_simulated": True,
        }  # fmt: skip
        assert one.call("POST", "/api/claims", claim).is_success
        deployment = {
            "tenant": "acme", "cluster": "main", "name": MODEL, "source": MODEL_SOURCE,
            "sha256": MODEL_SHA256,
        }  # fmt: skip
        assert one.call("POST", "/api/deployments", deployment).is_success
        one.wait(200, lambda: running(one))
        yield one


def running(one: Bed) -> bool:
    """The deployment answers."""
    return one.get("/api/deployments")["results"][0]["phase"] == "running"


def key(one: Bed, *, requests_per_minute: int = 0) -> str:
    """A fresh tenant key."""
    body = {"role": "tenant", "tenant": "acme", "requests_per_minute": requests_per_minute}
    reply = one.call("POST", "/api/keys", body)
    assert reply.is_success, reply.text
    return str(reply.json()["text"])


def client(one: Bed, api_key: str) -> openai.OpenAI:
    """The unmodified client."""
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{one.ports['gateway']}/v1", api_key=api_key, max_retries=0
    )


def known(one: Bed, api_key: str) -> bool:
    """The gateway has heard of the key and of the model."""
    try:
        return any(m.id == MODEL for m in client(one, api_key).models.list())
    except openai.AuthenticationError:
        return False


def test_the_openai_client_streams_an_answer(served: Bed) -> None:
    mine = key(served)
    served.wait(20, lambda: known(served, mine))

    stream = client(served, mine).chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Say hello."}],
        max_tokens=16,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)

    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    usage = [c.usage for c in chunks if c.usage]
    assert len(usage) == 1
    assert usage[0].completion_tokens > 0


def test_wrong_keys_and_limits_get_openais_own_errors(served: Bed) -> None:
    with pytest.raises(openai.AuthenticationError) as missing:
        client(served, "unused").models.list(extra_headers={"Authorization": openai.Omit()})
    with pytest.raises(openai.AuthenticationError) as wrong:
        client(served, "pyd_000000000000_" + "x" * 43).models.list()
    limited = key(served, requests_per_minute=1)
    served.wait(20, lambda: known(served, limited))
    ask = client(served, limited).chat.completions
    messages = [{"role": "user", "content": "Hi"}]
    ask.create(model=MODEL, messages=messages, max_tokens=1)  # type: ignore[call-overload]
    with pytest.raises(openai.RateLimitError) as over:
        ask.create(model=MODEL, messages=messages, max_tokens=1)  # type: ignore[call-overload]

    for refused in (missing, wrong, over):
        body = refused.value.body
        assert isinstance(body, dict)
        assert {"message", "type", "code"} <= body.keys()
    assert (missing.value.status_code, wrong.value.status_code) == (401, 401)
    assert over.value.status_code == 429


def test_the_ray_command_runs_a_job_on_a_claimed_unit(served: Bed, tmp_path: Path) -> None:
    mine = key(served)
    served.wait(20, lambda: known(served, mine))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "where.py").write_text(
        "import ray, socket\n"
        "ray.init()\n"
        "@ray.remote(resources={'compute_unit': 1}, num_cpus=0)\n"
        "def where():\n"
        "    labels = ray.get_runtime_context().get_node_labels()\n"
        "    return socket.gethostname(), labels['podyard.io/unit']\n"
        "print('ran on', *ray.get(where.remote()))\n"
    )

    done = subprocess.run(
        [
            Path(sys.executable).parent / "ray", "job", "submit",
            "--working-dir", str(tmp_path / "work"), "--", "python", "where.py",
        ],
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "RAY_ADDRESS": f"http://127.0.0.1:{served.ports['gateway']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": mine,
        },
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    claimed = [u["name"] for u in served.get("/api/units")["results"] if u["state"] == "claimed"]
    assert any(f"{name.removesuffix('-u0')} {name}" in done.stdout for name in claimed)
