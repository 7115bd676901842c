"""`podyard simulate`: build a hall from a spec and run it in the foreground until told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pods import catalogue
from pods.errors import PodsError
from provisioning.simulator.clock import RealClock
from provisioning.simulator.errors import HallError
from provisioning.simulator.faults import REGISTRY
from provisioning.simulator.hall import HallPlan
from provisioning.simulator.models import MODELS, parse_models
from provisioning.simulator.process import Hall, HallSettings

EXIT_REFUSED = 2
FAULTS_HELP = (
    "Plant a fault: NAME@HOST[:key=value,...]. Repeatable. Names: " + ", ".join(REGISTRY) + "."
)

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
    fault: Annotated[list[str] | None, typer.Option(help=FAULTS_HELP)] = None,
    model: Annotated[list[str] | None, typer.Option(help=MODEL_HELP)] = None,
    port_base: Annotated[
        int, typer.Option(min=0, max=65000, help="First BMC port; 0 takes free ones.")
    ] = 0,
    speed: Annotated[
        float, typer.Option(min=0.01, help="How much faster than usual the hardware is.")
    ] = 1.0,
) -> None:
    """Run a hall of simulated hosts, each with its own Redfish BMC on loopback.

    Example: podyard simulate lab-4 --state .state/hall --fault missing-dimm@h3 --speed 2
    """
    console = Console(stderr=True)
    try:
        pod = catalogue.load(spec)
        models = parse_models(model or [], host_types=pod.host_types)
        plan = HallPlan.from_spec(pod, seed=seed, faults=fault or [], models=models)
        settings = HallSettings(state=state, port_base=port_base, clock=RealClock(speed=speed))
        asyncio.run(_run(Hall(plan=plan, settings=settings), console))
    except (HallError, PodsError) as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False)
        if "\nhint: " not in str(error):
            console.print(f"hint: {error.hint}", markup=False, highlight=False)
        raise typer.Exit(EXIT_REFUSED) from error


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


def show(hall: Hall, console: Console) -> None:
    """The hosts with their BMC addresses, and where the rest is written."""
    description = hall.describe()
    table = Table(title=f"simulated hall of {hall.plan.pod_spec}, seed {hall.plan.seed}")
    for heading in ("host", "rack", "feed", "BMC", "model", "serial", "planted faults"):
        # An address cut to fit a narrow terminal is no address.
        table.add_column(heading, no_wrap=heading in {"host", "BMC"})
    for told, running in zip(description["hosts"], hall.hosts, strict=True):
        plan = running.bmc.host.plan
        faults = ", ".join(fault.kind for fault in plan.faults)
        table.add_row(
            plan.name, plan.rack, plan.feed, told["bmc"], plan.model.name, plan.serial, faults
        )
    console.print(table)
    console.print(f"credentials and fingerprints: {hall.directory / 'hall.json'}", highlight=False)
    console.print(f"what is really done: {hall.directory / 'journal.jsonl'}", highlight=False)
    if not description["isolated"]:
        console.print("hosts are NOT isolated: plain processes on this machine's network")
    console.print("Ctrl-C stops the hall", highlight=False)
