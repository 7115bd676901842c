"""`podyard job`: work for a queue of a cluster; and how the `ray` command reaches that cluster."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from inventory.client import find_access, service
from inventory.printing import Output, OutputOption, age, pairs, rows, say, until, write

job_app = typer.Typer(
    no_args_is_help=True,
    help="Queue jobs on your clusters, and follow them.\n\n"
    "Example: podyard job submit -- python -c 'print(1)'",
)

GATEWAY_DEFAULT = "http://127.0.0.1:8480"
TenantOption = Annotated[str, typer.Option(help="The tenant; a tenant's own key knows it already.")]
ClusterOption = Annotated[str, typer.Option(help="The Ray cluster.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
GatewayOption = Annotated[
    str, typer.Option(envvar="PODYARD_GATEWAY", help="The gateway's address.", show_envvar=True)
]

JOB = (
    "id",
    "tenant",
    "cluster",
    "state",
    "why",
    "entrypoint",
    "priority",
    "tries",
    "failures",
    "retries",
    "time_limit_s",
    "after",
    "created_at",
    "started_at",
    "ended_at",
)
ENDED = frozenset({"succeeded", "failed", "stopped"})


@job_app.command("submit", context_settings={"ignore_unknown_options": True})
def submit_job(
    command: Annotated[list[str], typer.Argument(help="What to run, after `--`.")],
    *,
    tenant: TenantOption = "",
    cluster: ClusterOption = "main",
    priority: Annotated[int, typer.Option(min=0, max=1000, help="Higher ones begin first.")] = 0,
    retries: Annotated[int, typer.Option(min=0, max=100, help="Tries after it failed.")] = 0,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds that a try may run.", show_default=False)
    ] = None,
    after: Annotated[
        list[str] | None, typer.Option(help="A job that must have succeeded; repeat it.")
    ] = None,
    num_cpus: Annotated[float, typer.Option(min=0, help="Held by the command itself.")] = 0.0,
    num_gpus: Annotated[float, typer.Option(min=0, help="Held by the command itself.")] = 0.0,
    runtime_env: Annotated[
        Path | None, typer.Option(help="A JSON file, as Ray takes it.", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait at most.")] = 3600.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Queue a job. It survives whatever restarts; `why` says what it waits for.

    Example: podyard job submit --retries 2 --wait -- python -c 'print(1)'
    """
    body = {
        "tenant": tenant,
        "cluster": cluster,
        "entrypoint": command[0] if len(command) == 1 else shlex.join(command),
        "priority": priority,
        "retries": retries,
        "time_limit_s": time_limit,
        "after": after or [],
        "num_cpus": num_cpus,
        "num_gpus": num_gpus,
        "runtime_env": _read_environment(runtime_env),
    }
    with service() as api:
        job = api.post("/api/jobs", body)
        if wait:
            job = until(
                lambda: api.get(_path(job["id"])),
                lambda found: found["state"] in ENDED,
                timeout_s=timeout,
                what=f"job {job['id']} has not ended",
                progress=lambda found: f"job {found['state']}: {found['why']}".rstrip(": "),
            )
    write(job, output, lambda: pairs(job, JOB))
    if wait and job["state"] != "succeeded":
        raise typer.Exit(1)


@job_app.command("list")
def list_jobs(
    *,
    tenant: TenantOption = "",
    state: Annotated[str, typer.Option(help="Only jobs in this state.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List jobs, in the order in which they came.

    Example: podyard job list --state queued
    """
    with service() as api:
        found = api.all("/api/jobs", tenant=tenant, state=state)
    lines = [{**job, "age": age(job["created_at"])} for job in found]
    columns = ("id", "tenant", "cluster", "priority", "state", "tries", "age", "why")
    write(found, output, lambda: rows(lines, columns))


@job_app.command("show")
def show_job(job_id: IdArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one job: how far it is, and what it waits for.

    Example: podyard job show 19ab…
    """
    with service() as api:
        job = api.get(_path(job_id))
    write(job, output, lambda: pairs(job, JOB))


@job_app.command("logs")
def job_logs(job_id: IdArgument, *, gateway: GatewayOption = GATEWAY_DEFAULT) -> None:
    """Print what the last try of a job has written so far.

    Example: podyard job logs 19ab…
    """
    with service() as api:
        job = api.get(_path(job_id))
    if not job["tries"]:
        say(f"job {job_id} has not begun: {job['why']}")
        raise typer.Exit(1)
    name = f"pyd-{job['id']}-{job['tries']}"
    headers = {
        "Authorization": f"Bearer {find_access(os.environ).key}",
        "X-Podyard-Cluster": job["cluster"],
    }
    try:
        reply = httpx.get(
            f"{gateway}/api/jobs/{name}/logs", headers=headers, timeout=60.0, trust_env=False
        )
    except httpx.TransportError as error:
        say(f"error: no gateway answers at {gateway}")
        say("hint: name it with --gateway or PODYARD_GATEWAY")
        raise typer.Exit(3) from error
    if reply.is_error:
        say(f"error: the gateway answered {reply.status_code}: {reply.text[:300]}")
        say("hint: logs are read with a tenant's key, while the cluster remembers the job")
        raise typer.Exit(1)
    typer.echo(reply.json().get("logs", ""), nl=False)


@job_app.command("stop")
def stop_job(job_id: IdArgument, output: OutputOption = Output.TABLE) -> None:
    """Stop a job, or take it out of the queue.

    Example: podyard job stop 19ab…
    """
    with service() as api:
        job = api.post(f"{_path(job_id)}/stop")
    write(job, output, lambda: pairs(job, JOB))


def ray_address(
    *,
    cluster: ClusterOption = "main",
    gateway: GatewayOption = GATEWAY_DEFAULT,
) -> None:
    """Print what the `ray` command needs to reach your cluster: `eval` it in your shell.

    Example: podyard cluster ray-address --cluster main
    """
    for name, value in _ray_variables(cluster, gateway).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def shell(
    *,
    cluster: ClusterOption = "main",
    gateway: GatewayOption = GATEWAY_DEFAULT,
) -> None:
    """Open a shell in which `ray job …` works on your cluster. Your key is in its environment.

    Example: podyard cluster shell
    """
    program = os.environ.get("SHELL") or "/bin/sh"
    say(f"in this shell `ray job submit` works on cluster {cluster}; `exit` ends it")
    done = subprocess.run(
        [program], env={**os.environ, **_ray_variables(cluster, gateway)}, check=False
    )
    raise typer.Exit(done.returncode)


def _ray_variables(cluster: str, gateway: str) -> dict[str, str]:
    return {
        "RAY_ADDRESS": gateway,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": find_access(os.environ).key,
        "RAY_JOB_HEADERS": json.dumps({"X-Podyard-Cluster": cluster}),
    }


def _read_environment(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path} is no JSON file; hint: Ray's runtime_env") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{path} holds no object; hint: Ray's runtime_env")
    return found


def _path(job_id: str) -> str:
    return f"/api/jobs/{quote(job_id, safe='')}"
