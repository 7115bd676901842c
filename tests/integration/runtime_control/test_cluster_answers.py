"""What a cluster may answer: the tenant's own code may be what answers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from runtime.cluster import (
    ANSWER_BYTES_MAX,
    READ_HERE_BYTES,
    ClusterClient,
    ClusterError,
    ClusterRefusedError,
)

pytestmark = pytest.mark.integration
JOBS = {
    "plain": '{"status": "RUNNING"}',
    "long": '{"status": "RUNNING", "message": "%s"}' % ("x" * READ_HERE_BYTES),
    "huge": '{"message": "%s"}' % ("x" * ANSWER_BYTES_MAX),
    "deep": "[" * 100_000,
    "deep-and-long": "[" * (READ_HERE_BYTES + 100_000),
    "list": "[]",
    "broken": "{",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: a socket's path has 107 bytes at most."""
    found = Path(tempfile.mkdtemp(prefix="pyd-"))
    yield found
    shutil.rmtree(found)


async def _job(request: web.Request) -> web.Response:
    text = JOBS.get(request.match_info["name"])
    if text is None:
        return web.Response(status=404, text="Job does not exist")
    return web.Response(text=text, content_type="application/json")


async def _submit(_: web.Request) -> web.Response:
    return web.Response(status=400, text="Traceback\n" + "  line\n" * 1000 + "ValueError: bad pip")


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[ClusterClient]:
    app = web.Application()
    app.router.add_get("/api/jobs/{name}", _job)
    app.router.add_delete("/api/jobs/{name}", _job)
    app.router.add_post("/api/jobs/", _submit)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "s")).start()
    async with ClusterClient(folder / "s", "t") as found:
        yield found
    await runner.cleanup()


async def test_jobs_are_asked_for_by_name_and_unknown_ones_are_absent(
    client: ClusterClient,
) -> None:
    found = await client.ray_jobs(["plain", "nobody", "long"])
    assert {name: job.status for name, job in found.items()} == {
        "plain": "RUNNING",
        "long": "RUNNING",
    }
    await client.forget_job("nobody")


@pytest.mark.parametrize("name", ["huge", "deep", "deep-and-long", "list", "broken"])
async def test_answer_that_is_too_much_or_no_job_is_no_answer(
    client: ClusterClient, name: str
) -> None:
    with pytest.raises(ClusterError):
        await client.ray_jobs([name])


async def test_refusal_says_the_end_of_what_the_head_said(client: ClusterClient) -> None:
    with pytest.raises(ClusterRefusedError) as refused:
        await client.submit_job({})
    assert refused.value.status == 400
    assert refused.value.said.endswith("ValueError: bad pip")
    assert len(refused.value.said) <= 300
