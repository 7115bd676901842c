"""`podyard simulate`: build a hall from a spec and run it in the foreground until told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from inventory.tls_memory import bound_read_buffers
from pods import catalogue
from pods.errors import PodsError
from provisioning.simulator.clock import RealClock
from provisioning.simulator.descriptors import make_room
from provisioning.simulator.distribution.outages import FEED
from provisioning.simulator.errors import HallError
from provisioning.simulator.faults import Fault
from provisioning.simulator.field import PROFILES, profile_faults
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.kinds import REGISTRY, SCHEDULE
from provisioning.simulator.models import MODELS, parse_models
from provisioning.simulator.state import write_json
from provisioning.simulator.widening import widened

if TYPE_CHECKING:
    from provisioning.simulator.process import Hall

EXIT_REFUSED = 2
FAULT_HELP = (
    "Plant a fault: NAME@HOST[:key=value,...]. Repeatable. HOST may be rack/NAME or feed/NAME. "
    "`--list-faults` shows the names."
)
FAULTS_HELP = "A profile of faults for the whole hall, drawn by the seed: " + ", ".join(PROFILES)

MODEL_HELP = (
    "Give every host the tree of a model, or those of one host type: TYPE=MODEL. Repeatable. "
    "Otherwise the host type decides. Models: " + ", ".join(MODELS) + "."
)


def simulate(
    spec: Annotated[str, typer.Argument(help="A pod spec of the catalogue, or a file.")] = "lab-4",
    *,
    state: Annotated[
        Path, typer.Option(help="Directory that keeps the hall across restarts.")
    ] = Path(".state/hall"),
    seed: Annotated[int, typer.Option(help="Serials, addresses and faults follow from it.")] = 1,
    fault: Annotated[list[str] | None, typer.Option(help=FAULT_HELP)] = None,
    faults: Annotated[str, typer.Option(help=FAULTS_HELP, show_default=False)] = "",
    hosts: Annotated[
        int, typer.Option(min=0, max=20000, help="Repeat the spec's racks to so many hosts.")
    ] = 0,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="Show every fault and end.")
    ] = False,
    model: Annotated[list[str] | None, typer.Option(help=MODEL_HELP)] = None,
    port_base: Annotated[
        int, typer.Option(min=0, max=65000, help="First BMC port; 0 takes free ones.")
    ] = 0,
    speed: Annotated[
        float, typer.Option(min=0.01, help="How much faster than usual the hardware is.")
    ] = 1.0,
) -> None:
    """Run a hall of simulated hosts, each with its own Redfish BMC on loopback.

    With `--hosts` the spec is repeated, and written to spec.json beside the hall.

    Example: podyard simulate lab-4 --state .state/hall --fault missing-dimm@h3 --speed 2
    """
    console = Console(stderr=True)
    if list_faults:
        show_faults(Console())
        return
    from provisioning.simulator.process import (  # noqa: PLC0415 - the server extra
        Hall,
        HallSettings,
    )

    try:
        pod = catalogue.load(spec)
        pod = widened(pod, hosts=hosts) if hosts else pod
        models = parse_models(model or [], host_types=pod.host_types)
        planted: list[Fault | str] = [*(fault or []), *profile_faults(faults, pod, seed=seed)]
        plan = HallPlan.from_spec(pod, seed=seed, faults=planted, models=models)
        if hosts:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(state / "spec.json", pod.document())
        make_room(len(plan.hosts) + len(plan.distribution.machines))
        settings = HallSettings(state=state, port_base=port_base, clock=RealClock(speed=speed))
        bound_read_buffers()
        asyncio.run(_run(Hall(plan=plan, settings=settings), console))
    except (HallError, PodsError) as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False)
        if "\nhint: " not in str(error):
            console.print(f"hint: {error.hint}", markup=False, highlight=False)
        raise typer.Exit(EXIT_REFUSED) from error


def show_faults(console: Console) -> None:
    """Every fault with its parameters, by subject."""
    table = Table(title="faults: podyard simulate --fault NAME@HOST[:key=value,...]")
    for heading in ("subject", "fault", "parameters", "what it does"):
        table.add_column(heading, no_wrap=heading == "fault")
    for kind in sorted(REGISTRY.values(), key=lambda kind: (kind.subject, kind.name)):
        known = {**kind.defaults, **({} if kind.built_in else SCHEDULE)}
        parameters = " ".join(f"{key}={value}" for key, value in known.items())
        table.add_row(kind.subject, kind.name, parameters, kind.meaning)
    console.print(table)


async def _run(hall: Hall, console: Console) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before the first process is started: a Ctrl-C at any moment must end what there is.
    starting = asyncio.current_task()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, _ask_to_stop, stop, starting)
    try:
        await hall.start()
    except asyncio.CancelledError:
        return
    show(hall, console)
    try:
        await stop.wait()
    except asyncio.CancelledError:
        pass
    finally:
        await hall.stop()
        console.print("the hall has stopped; its state is kept", highlight=False)


def _ask_to_stop(stop: asyncio.Event, starting: asyncio.Task[None] | None) -> None:
    if not stop.is_set() and starting is not None:
        stop.set()
        starting.cancel()


SHOWN_MOST = 64
"""Hosts in the table: a longer one would push the addresses of the rest off the screen."""


def show_machines(hall: Hall, console: Console) -> None:
    """What stands around the hosts."""
    if not hall.machines:
        return
    table = Table(title="power distribution, cooling and switches")
    for heading in ("machine", "kind", "rack", "feed", "Redfish", "hosts", "faults"):
        table.add_column(heading, no_wrap=heading in {"machine", "Redfish"}, overflow="fold")
    faults = hall.plan.distribution.faults
    for running in hall.machines:
        plan, told = running.machine.plan, running.describe()
        kinds = [
            fault.kind for key in (plan.name, FEED + plan.feed) for fault in faults.get(key, ())
        ]
        row = (plan.name, plan.kind, plan.rack, plan.feed, told["address"], str(len(plan.hosts)))
        table.add_row(*row, "\n".join(kinds))
    console.print(table)


def show(hall: Hall, console: Console) -> None:
    """The hosts with their BMC addresses, and where the rest is written."""
    description = hall.describe()
    plans = [running.bmc.host.plan for running in hall.hosts]
    planted = [[fault.kind for fault in plan.faults] for plan in plans]
    everywhere = [kind for kind in planted[0] if all(kind in kinds for kinds in planted)]
    models = sorted({plan.model.name for plan in plans})
    made = f"{len(plans)} x {models[0]}" if len(models) == 1 else f"{len(plans)} hosts"
    table = Table(title=f"simulated hall of {hall.plan.pod_spec}, seed {hall.plan.seed}: {made}")
    columns = ["host", "feed", "BMC", "serial", "faults"]
    if len(models) > 1:
        columns.insert(3, "model")
    for heading in columns:
        # An address cut to fit a narrow terminal is no address.
        table.add_column(heading, no_wrap=heading in {"host", "BMC"}, overflow="fold")
    shown = list(zip(description["hosts"], plans, planted, strict=True))[:SHOWN_MOST]
    for told, plan, kinds in shown:
        own = "\n".join(kind for kind in kinds if kind not in everywhere or len(plans) == 1)
        row = [plan.name, plan.feed, told["bmc"], plan.serial, own]
        if len(models) > 1:
            row.insert(3, plan.model.name)
        table.add_row(*row)
    console.print(table)
    if len(plans) > len(shown):
        console.print(f"and {len(plans) - len(shown)} more, in hall.json", highlight=False)
    if everywhere and len(plans) > 1:
        console.print(f"on every host: {', '.join(everywhere)}", highlight=False)
    show_machines(hall, console)
    console.print(f"credentials and fingerprints: {hall.directory / 'hall.json'}", highlight=False)
    console.print(f"what is really done: {hall.directory / 'journal.jsonl'}", highlight=False)
    if not description["isolated"]:
        console.print("hosts are NOT isolated: plain processes on this machine's network")
    console.print("Ctrl-C stops the hall", highlight=False)
