"""`podyard pod`: apply a pod, look at its plan, approve it, watch it come up."""

from __future__ import annotations

import json
import stat
import sys
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from inventory.client import Service, ServiceError, service
from inventory.commands.hosts import COLUMNS, host_app, line
from inventory.commands.plans import left_out, planned
from inventory.printing import Output, OutputOption, pairs, rows, say, write
from pods import catalogue
from pods.answering import Harmless
from pods.document import parse_document
from pods.errors import PodsError
from pods.plan import Plan
from pods.plan_text import render_plan
from provisioning.adopt_cli import adopt_host

pod_app = typer.Typer(
    no_args_is_help=True,
    help="Apply pods, bring them up, watch them.\n\n"
    "Example: podyard pod apply lab-4 --name lab --hosts hall.json",
)
host_app.command("adopt")(adopt_host)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The pod's name.")]
TimeoutOption = Annotated[float, typer.Option(min=1, help="Seconds to wait at most.")]

USAGE = 2
LOOK_EVERY_S = 0.5
FILE_MAX_BYTES = 4 * 1024 * 1024  # what the service takes
HALL_ONLY = frozenset({"model", "run"})
"""What a simulated hall tells of a host beyond what the service is told of any."""
COLUMNS_LISTED = ("name", "spec", "bring_up", "simulated", "created_at")
DETAILS = ("name", "site", "spec", "bring_up", "hosts", "states", "parked", "plan_digest")


def groups() -> dict[str, typer.Typer]:
    """Nouns of the command line, for the root to join."""
    return {"pod": pod_app}


@pod_app.command("apply")
def apply_pod(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A shipped spec, or a file.")],
    name: Annotated[str, typer.Option(help="The pod's name.")],
    hosts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Its hosts (hall.json, JSON or YAML); or they come later."
        ),
    ] = None,
    *,
    site: Annotated[str, typer.Option(help="Where it is.")] = "here",
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Without hosts: simulated ones will come.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create a pod: its hosts are enrolled and inspected; nothing is powered yet.

    Without hosts its slots wait for those that `podyard host import` expects.

    Example: podyard pod apply lab-4 --name lab --hosts hall.json
    """
    with service() as api:
        given = _expected(hosts) if hosts else {"simulated": simulated}
        body = {"name": name, "site": site, "spec": _spec(spec), **given}
        pod = api.post("/api/pods", body)
    following = f"podyard pod up {name}" if hosts else "podyard host import FILE"
    say(f"pod {name}: {pod['hosts']} hosts enrolled; next: {following}")
    write(pod, output, lambda: _pod_table(pod))


@pod_app.command("add-hosts")
def add_hosts(
    name: NameArgument,
    hosts: Annotated[
        Path, typer.Option(metavar="FILE", help="The hosts to add, as `pod apply` takes them.")
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Enrol hosts into free slots of a pod: a replaced server, or one that came later.

    Example: podyard pod add-hosts lab --hosts replaced.json
    """
    with service() as api:
        pod = api.post(_path(name, "/hosts"), _expected(hosts))
    say(f"pod {name}: {pod['hosts']} hosts now; next: podyard pod up {name}")
    write(pod, output, lambda: _pod_table(pod))


@pod_app.command("list")
def list_pods(output: OutputOption = Output.TABLE) -> None:
    """List pods.

    Example: podyard pod list
    """
    with service() as api:
        found = api.all("/api/pods")
    write(found, output, lambda: rows(found, COLUMNS_LISTED))


@pod_app.command("show")
def show_pod(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one pod.

    Example: podyard pod show lab
    """
    with service() as api:
        pod = api.get(_path(name))
    write(pod, output, lambda: _pod_table(pod))


@pod_app.command("up")
def start_pod(
    name: NameArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve without being asked.")] = False,
    digest: Annotated[
        str, typer.Option(help="Approve only the plan of this digest.", show_default=False)
    ] = "",
    timeout: TimeoutOption = 600.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Approve the plan and bring the pod up; waits for the inspection first.

    Example: podyard pod up lab --yes
    """
    with service() as api:
        found = planned(api, name, wait_s=timeout)
        plan = render_plan(Plan.model_validate(found["plan"]))
        Console(stderr=True).print(Harmless(Group(plan, *map(Text, left_out(found)))))
        if digest and digest != found["plan"]["digest"]:
            raise ServiceError(
                f"the plan of pod {name} has digest {found['plan']['digest']}, not {digest}",
                hint="look at it, then approve its digest",
            )
        if not (yes or digest):
            _confirm(name)
        pod = api.post(_path(name, "/up"), {"digest": found["plan"]["digest"]})
    say(f"pod {name} comes up; watch it: podyard pod watch {name}")
    write(pod, output, lambda: _pod_table(pod))


@pod_app.command("hold")
def hold_pod(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Start nothing more in this pod; `podyard pod up` goes on.

    Example: podyard pod hold lab
    """
    with service() as api:
        pod = api.post(_path(name, "/hold"))
    write(pod, output, lambda: _pod_table(pod))


@pod_app.command("watch")
def watch_pod(
    name: NameArgument,
    timeout: TimeoutOption = 86400.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Watch until every host is ready, parked or waiting for your approval.

    Example: podyard pod watch lab
    """
    end = time.monotonic() + timeout
    console = Console(stderr=True)
    with service() as api, Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            pod, hosts = api.get(_path(name)), _hosts(api, name)
            live.update(Harmless(_hosts_table(pod, hosts)), refresh=console.is_terminal)
            if all(_settled(pod, host) for host in hosts):
                break
            if time.monotonic() >= end:
                raise ServiceError(
                    f"pod {name} is not up after {timeout:.0f} s", hint=f"podyard pod show {name}"
                )
            time.sleep(LOOK_EVERY_S)
    say(_ending(pod, hosts))
    write(hosts, output, lambda: rows([line(host) for host in hosts], COLUMNS))


def _path(name: str, rest: str = "") -> str:
    return f"/api/pods/{quote(name, safe='')}{rest}"


def _hosts(api: Service, pod: str) -> list[dict[str, Any]]:
    return sorted(api.all("/api/hosts", pod=pod), key=lambda host: str(host["name"]))


def _spec(text: str) -> Any:
    """A shipped spec goes by its name, a file as the whole design, checked here already."""
    if text.partition("@")[0] in catalogue.names():
        return text
    try:
        return catalogue.load(text).model_dump(mode="json")
    except PodsError as error:
        raise ServiceError(str(error), hint=error.hint) from error


def _expected(path: Path) -> dict[str, Any]:
    """The expected hosts, and whether they are simulated, as the file says."""
    document = _read(path)
    if isinstance(document, list):
        document = {"hosts": document}
    if not isinstance(document, dict) or not isinstance(document.get("hosts"), list):
        raise ServiceError(
            f"{path} holds no list of hosts", hint="write `hosts:` and an entry for each host"
        )
    hosts = document["hosts"]
    if "hall" in document:
        hosts = [{k: v for k, v in host.items() if k not in HALL_ONLY} for host in hosts]
    return {"hosts": hosts, "simulated": bool(document.get("simulated", False))}


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise ServiceError(
            f"cannot read {path}: {error.strerror}", hint="give the file of expected hosts"
        ) from error
    if len(raw) > FILE_MAX_BYTES:
        raise ServiceError(f"{path} holds more than 4 MiB", hint="split the pod")
    if mode & 0o077:
        say(f"warning: {path} holds passwords and can be read by others; chmod 600 {path}")
    try:
        if raw.lstrip()[:1] in {b"{", b"["}:
            return json.loads(raw)
        return parse_document(raw, source=str(path))
    except ValueError as error:
        raise ServiceError(f"{path} is not JSON: {error}", hint="correct it there") from error
    except PodsError as error:
        raise ServiceError(str(error), hint=error.hint) from error


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        say("error: nobody is there to approve the plan\nhint: add --yes, or --digest DIGEST")
        raise typer.Exit(USAGE)
    if not typer.confirm(f"bring pod {name} up by this plan?", err=True):
        raise ServiceError("not approved; nothing was started")


def _pod_table(pod: dict[str, Any]) -> RenderableType:
    states = ", ".join(f"{count} {state}" for state, count in pod["hosts_by_state"].items())
    return pairs({**pod, "states": states}, DETAILS)


def _hosts_table(pod: dict[str, Any], hosts: list[dict[str, Any]]) -> RenderableType:
    title = Text(f"pod {pod['name']}: {pod['bring_up']}", style="bold")
    return Group(title, rows([line(host) for host in hosts], COLUMNS))


def _parked(host: dict[str, Any]) -> bool:
    return host["problem"] is not None and host["problem"]["next_at"] is None


def _settled(pod: dict[str, Any], host: dict[str, Any]) -> bool:
    """True when nothing will change without a person."""
    waits_for_approval = pod["bring_up"] != "running" and host["state"] == "matching"
    resting = host["state"] == host["target"] or host["state"] == "retired"
    return resting or _parked(host) or (waits_for_approval and bool(host["waiting"]))


def _ending(pod: dict[str, Any], hosts: list[dict[str, Any]]) -> str:
    ready = sum(host["state"] == "ready" for host in hosts)
    parked = [host["name"] for host in hosts if _parked(host)]
    lines = [f"pod {pod['name']}: {ready} of {len(hosts)} hosts ready, {len(parked)} parked"]
    lines += [f"hint: podyard host why {name}" for name in parked]
    if pod["bring_up"] != "running":
        lines.append(f"next: podyard pod up {pod['name']}")
    return "\n".join(lines)
