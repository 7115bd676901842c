"""`podyard host`: what hosts there are, why one is not ready, and what is wanted of it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from inventory.client import service
from inventory.printing import Output, OutputOption, age, pairs, printable, rows, say, write

host_app = typer.Typer(
    no_args_is_help=True,
    help="See hosts, ask why, retry, say what is wanted.\n\nExample: podyard host list",
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The host's name.")]

COLUMNS = ("name", "pod", "state", "since", "power", "says")
DETAILS = (
    "name",
    "state",
    "state_since",
    "target",
    "waiting",
    "pod",
    "site",
    "rack",
    "slot",
    "feed",
    "host_type",
    "serial",
    "uuid",
    "power",
    "health",
    "bmc_address",
    "bmc_fingerprint",
    "reserved_watts",
    "certificate_id",
    "simulated",
    "owned",
    "rental",
)


GRAVITY = {"blocks": "red", "warns": "yellow", "notes": "dim"}
"""How each effect is shown; the word itself stands in the line, for those who see no colour."""


class Wanted(StrEnum):
    """Where a host can be wanted."""

    READY = "ready"
    ENROLLED = "enrolled"
    RETIRED = "retired"


@host_app.command("list")
def list_hosts(
    *,
    pod: Annotated[str, typer.Option(help="Only hosts of this pod.")] = "",
    state: Annotated[str, typer.Option(help="Only hosts in this state.")] = "",
    site: Annotated[str, typer.Option(help="Only hosts of this site.")] = "",
    rack: Annotated[str, typer.Option(help="Only hosts in this rack.")] = "",
    serial: Annotated[str, typer.Option(help="Only the host with this serial number.")] = "",
    gpu: Annotated[str, typer.Option(help="Only with accelerators of such a model.")] = "",
    gpus: Annotated[int | None, typer.Option(help="Only with so many of them or more.")] = None,
    memory_gib: Annotated[int | None, typer.Option(help="Only with so much memory.")] = None,
    domain: Annotated[str, typer.Option(help="Only of this scale-up domain.")] = "",
    problem: Annotated[bool, typer.Option("--problem", help="Only with a problem.")] = False,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag; again for more.")] = (
        None
    ),
    search: Annotated[str, typer.Option("--search", "-q", help="Words to look for.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List hosts: all, or those that every option finds.

    Example: podyard host list --pod lab --state ready --gpu h100 --gpus 8
    """
    asked = {
        "pod": pod,
        "state": state,
        "site": site,
        "rack": rack,
        "serial": serial,
        "gpu.model__ic": gpu,
        "gpu.count__gte": gpus,
        "memory_gib__gte": memory_gib,
        "link.domain": domain,
        "tag": tag,
        "q": search,
        "problem__empty": "false" if problem else "",
    }
    with service() as api:
        found = sorted(api.all("/api/hosts", **asked), key=lambda h: h["name"])
    write(found, output, lambda: rows([line(host) for host in found], COLUMNS))


@host_app.command("show")
def show_host(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one host.

    Example: podyard host show r1-h1 -o yaml
    """
    with service() as api:
        host = api.get(host_path(name))
    write(host, output, lambda: Group(pairs(host, DETAILS), *told(host["mismatches"])))


@host_app.command("why")
def why_host(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Say why a host is where it is, what happens next and what you must do.

    Example: podyard host why r1-h3
    """
    with service() as api:
        why = api.get(host_path(name, "/why"))
    write(why, output, lambda: _why_table(why))


@host_app.command("erasures")
def show_erasures(
    name: NameArgument,
    *,
    envelope: Annotated[
        bool, typer.Option("--envelope", help="Print the newest as it was signed.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what became of a host's drives between tenants: its certificates of erasure.

    Example: podyard host erasures r1-h3 --envelope > erased.json
    """
    with service() as api:
        found = api.get(host_path(name, "/erasures"))
    if envelope:
        if not found:
            say(f"error: {name} has no certificate of erasure\nhint: podyard host why {name}")
            raise typer.Exit(1)
        typer.echo(json.dumps(found[0]["envelope"]))
        return
    write(found, output, lambda: rows(found, ("at", "says", "digest")))


@host_app.command("retry")
def retry_host(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Forget a host's problem and let it go on; use it after you did what `why` asked.

    Example: podyard host retry r1-h3
    """
    with service() as api:
        host = api.post(host_path(name, "/retry"))
    say(f"{name} goes on from {host['state']}")
    write(host, output, lambda: pairs(host, DETAILS))


@host_app.command("want")
def want_host(
    name: NameArgument,
    target: Annotated[Wanted, typer.Argument(help="Where the host is wanted.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Say where a host is wanted: ready, enrolled or retired.

    Example: podyard host want r1-h3 retired
    """
    with service() as api:
        host = api.post(host_path(name, "/target"), {"target": target.value})
    say(f"{name} is wanted {target.value}; it is {host['state']}")
    write(host, output, lambda: pairs(host, DETAILS))


def line(host: dict[str, Any]) -> dict[str, Any]:
    """A host in one line: a problem says more than what is waited for."""
    problem = host["problem"]
    parked = problem is not None and problem["next_at"] is None
    says = problem["message"] if problem else host["waiting"]
    return {
        **host,
        "since": age(host["state_since"]),
        "says": f"parked: {says}" if parked else says,
    }


def host_path(name: str, rest: str = "") -> str:
    """Where the API has this host."""
    return f"/api/hosts/{quote(name, safe='')}{rest}"


def told(mismatches: list[dict[str, Any]]) -> list[RenderableType]:
    """Where a host differs from its spec, the gravest first: what it means and what to do."""
    if not mismatches:
        return []
    ranked = sorted(mismatches, key=lambda one: list(GRAVITY).index(one["effect"]))
    lines = [Text(printable(one["told"]), style=GRAVITY[one["effect"]]) for one in ranked]
    return [Text(), Text("differs from its spec:"), *lines]


def _why_table(why: dict[str, Any]) -> RenderableType:
    suspended = "; ".join(
        f"{one['rule'].replace('_', ' ')}: {one['what']} (since {one['since'][:19]})"
        for one in why["suspended"]
    )
    facts = {
        "host": why["host"],
        "is": why["summary"],
        "since": f"{_moment(why['since'])} ({age(why['since'])})",
        "wanted": why["target"],
        "beside": _beside(why),
        "held": why["held"],
        "problem": _problem(why["problem"]),
        "tried": _tried(why),
        "next": f"{why['next_step'] or 'looks again'} at {_moment(why['next_at'])}"
        if why["next_at"]
        else "nothing by itself",
        "late": _late(why),
        "you": why["remedy"] or "need do nothing",
        "certificate": f"suspended: {suspended}" if suspended else "",
        "bmc": "; ".join(why["bmc"]),
    }
    events = [
        Text(
            printable(f"{e['at'][:19]}  {e['kind']}  {e['old']} → {e['new']}  {e['why']}"),
            style="dim",
        )
        for e in why["events"]
    ]
    return Group(pairs(facts, tuple(facts)), *told(why["mismatches"]), Text(), *events)


def _moment(at: str) -> str:
    return f"{at[:19].replace('T', ' ')} UTC"


def _beside(why: dict[str, Any]) -> str:
    """What stands beside the state, and never replaces it."""
    found = [f"power {why['power']}", f"health {why['health']}"]
    if why["power_drift"]:
        found.append(f"power drift: {why['power_drift']}")
    if why["maintenance"]:
        found.append(f"with a person: {why['maintenance']}")
    return ", ".join(found)


def _problem(problem: dict[str, Any] | None) -> str:
    if problem is None:
        return ""
    times = f", seen {problem['seen']} times" if problem["seen"] > 1 else ""
    return f"{problem['kind']} since {_moment(problem['since'])}{times}"


def _tried(why: dict[str, Any]) -> str:
    """What was tried, each with its time where that is known."""
    with_times = {one["remedy"] for one in why["remedies"]}
    rest = [one for one in why["tried"] if not any(one.startswith(known) for known in with_times)]
    timed = [
        f"{one['remedy']} at {_moment(one['at'])}"
        + (f" ({one['outcome']})" if one["outcome"] else "")
        for one in why["remedies"]
    ]
    return "; ".join([*rest, *timed])


def _late(why: dict[str, Any]) -> str:
    """When podyard begins to try what its ladder says."""
    return f"from {_moment(why['late_at'])} on remedies are tried" if why["late_at"] else ""
