"""Jobs over the API: queued whole, seen and stopped by their own tenant alone."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.jobs import Job, JobState
from inventory.quotas import TenantQuota
from inventory.store.protocol import Change
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW


async def test_queued_job_waits_for_its_turn_and_can_be_read(site: Site) -> None:
    acme = site.key("tenant", "acme")
    made = await site.ask("POST", "/api/jobs", {"entrypoint": "true", "retries": 2}, key=acme)
    assert made.status_code == 201
    assert (made.json()["tenant"], made.json()["state"]) == ("acme", "queued")
    shown = await site.ask("GET", f"/api/jobs/{made.json()['id']}", key=acme)
    assert shown.json()["why"] == "waits for its turn"


async def test_jobs_of_another_tenant_are_not_there(site: Site) -> None:
    acme, beta = site.key("tenant", "acme"), site.key("tenant", "beta")
    made = await site.ask("POST", "/api/jobs", {"entrypoint": "true"}, key=acme)
    path = f"/api/jobs/{made.json()['id']}"
    assert (await site.ask("GET", path, key=beta)).status_code == 404
    assert (await site.ask("POST", f"{path}/stop", key=beta)).status_code == 404
    assert (await site.ask("GET", "/api/jobs", key=beta)).json()["results"] == []
    waits = {"entrypoint": "true", "after": [made.json()["id"]]}
    assert (await site.ask("POST", "/api/jobs", waits, key=beta)).status_code == 422


async def test_many_jobs_are_queued_together_in_their_order(site: Site) -> None:
    acme = site.key("tenant", "acme")
    jobs = [{"entrypoint": f"echo {n}"} for n in range(300)]
    made = await site.ask("POST", "/api/jobs/many", {"jobs": jobs}, key=acme)
    assert made.status_code == 201
    ids = made.json()["ids"]
    assert ids == sorted(ids)
    last = site.store.get(Job, ids[-1])
    assert last is not None
    assert last.entrypoint == "echo 299"


async def test_one_bad_job_among_many_queues_none(site: Site) -> None:
    jobs = [{"entrypoint": "true"}, {"entrypoint": "true", "runtime_env": {"working_dir": "."}}]
    key = site.key("tenant", "acme")
    refused = await site.ask("POST", "/api/jobs/many", {"jobs": jobs}, key=key)
    assert refused.status_code == 422
    assert refused.json()["error"]["path"] == "jobs.1.runtime_env"
    assert site.store.count(Job) == 0


@pytest.mark.parametrize(
    "body",
    [
        {"entrypoint": ""},
        {"entrypoint": "a\0b"},
        {"entrypoint": "true", "retries": 101},
        {"entrypoint": "true", "priority": -1},
        {"entrypoint": "true", "time_limit_s": 0},
        {"entrypoint": "true", "after": ["no-such-job"]},
        {"entrypoint": "true", "runtime_env": {"env_vars": {"A": "x" * 70_000}}},
        {"entrypoint": "true", "runtime_env": {"py_modules": ["/etc"]}},
        {"entrypoint": "true", "runtime_env": {"env_vars": {"A": 1}}},
        {"entrypoint": "true", "runtime_env": {"env_vars": "A=1"}},
    ],
)
async def test_what_could_never_run_is_refused(site: Site, body: dict[str, Any]) -> None:
    refused = await site.ask("POST", "/api/jobs", body, key=site.key("tenant", "acme"))
    assert refused.status_code == 422
    assert site.store.count(Job) == 0


async def test_values_of_variables_are_kept_sealed_and_never_shown(site: Site) -> None:
    acme = site.key("tenant", "acme")
    job = {"entrypoint": "true", "runtime_env": {"pip": ["six"], "env_vars": {"TOKEN": "hush"}}}
    made = await site.ask("POST", "/api/jobs", job, key=acme)
    many = await site.ask("POST", "/api/jobs/many", {"jobs": [job, job]}, key=acme)
    listed = await site.ask("GET", "/api/jobs", key=acme)
    assert listed.json()["count"] == 3
    assert not any("hush" in answer.text for answer in (made, many, listed))
    assert made.json()["runtime_env"] == {"pip": ["six"], "env_vars": {"TOKEN": "***"}}
    for job_id in (made.json()["id"], *many.json()["ids"]):
        record = site.store.get(Job, job_id)
        assert record is not None
        assert "hush" not in record.model_dump_json()
        sealed = site.store.secret(job_id, "env_vars")
        assert sealed is not None
        assert b"hush" not in sealed


async def test_stopping_is_wanted_once_and_an_ended_job_stays_as_it_is(site: Site) -> None:
    acme = site.key("tenant", "acme")
    made = await site.ask("POST", "/api/jobs", {"entrypoint": "true"}, key=acme)
    path = f"/api/jobs/{made.json()['id']}/stop"
    for _ in range(2):
        assert (await site.ask("POST", path, key=acme)).json()["stop_wanted"] is True
    job = site.store.get(Job, made.json()["id"])
    assert job is not None
    assert (job.state, job.version) == (JobState.QUEUED, 2)


async def test_jobs_that_wait_are_bounded_by_the_quota_and_by_those_above(site: Site) -> None:
    lab = TenantQuota(name="lab", jobs_queued_max=3)
    acme, zeta = (
        TenantQuota(name="acme", parent="lab", jobs_queued_max=2),
        TenantQuota(name="zeta", parent="lab"),
    )
    site.store.apply(Change(insert=(lab, acme, zeta)), now=NOW)
    keys = {name: site.key("tenant", name) for name in ("acme", "zeta", "free")}

    async def ask(tenant: str, count: int) -> Any:
        body = {"jobs": [{"entrypoint": "true"}] * count}
        return await site.ask("POST", "/api/jobs/many", body, key=keys[tenant])

    refused = await ask("acme", 3)
    assert refused.status_code == 429
    error = refused.json()["error"]
    assert (error["path"], error["value"]) == ("jobs_queued_max", "2")
    assert "podyard tenant quota set acme --jobs-queued-max" in error["hint"]
    assert site.store.count(Job) == 0
    assert (await ask("acme", 2)).status_code == 201
    assert (await ask("zeta", 2)).status_code == 429
    assert (await ask("zeta", 1)).status_code == 201
    assert (await ask("free", 9)).status_code == 201


async def test_limits_of_jobs_are_set_and_taken_away(site: Site) -> None:
    admin = site.key("admin")
    wrong = await site.ask("POST", "/api/quotas", {"name": "a", "jobs_running_max": -1}, key=admin)
    assert wrong.status_code == 422
    body = {"name": "acme", "jobs_queued_max": 5, "jobs_running_max": 0}
    made = await site.ask("POST", "/api/quotas", body, key=admin)
    assert (made.json()["jobs_queued_max"], made.json()["jobs_running_max"]) == (5, 0)
    none = {"jobs_queued_max": None, "jobs_running_max": None}
    freed = await site.ask("PATCH", "/api/quotas/acme", none, key=admin)
    assert freed.json()["jobs_queued_max"] is freed.json()["jobs_running_max"] is None
