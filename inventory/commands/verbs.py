"""`podyard host abort|pause|resume|skip|quarantine`: what people say of a host under way."""

from __future__ import annotations

from typing import Annotated

import typer

from inventory.client import service
from inventory.commands.correcting import host_app
from inventory.commands.hosts import DETAILS, NameArgument, host_path
from inventory.printing import Output, OutputOption, pairs, say, write

__all__ = ["host_app"]  # with the commands of this file in it

WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, on record.")]


@host_app.command("abort")
def abort_host(
    name: NameArgument, *, why: WhyOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Stop what is under way and bring the host back to rest, clean and off.

    Example: podyard host abort r1-h3 --why "wrong pod"
    """
    _ask(name, "abort", why, "is brought back to rest", output)


@host_app.command("pause")
def pause_host(
    name: NameArgument, *, why: WhyOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Change nothing on a host until it is resumed; an update under way ends first.

    Example: podyard host pause r1-h3 --why "technician at the rack"
    """
    _ask(name, "pause", why, "is paused", output)


@host_app.command("resume")
def resume_host(name: NameArgument, *, output: OutputOption = Output.TABLE) -> None:
    """End a pause.

    Example: podyard host resume r1-h3
    """
    _ask(name, "resume", "", "goes on", output)


@host_app.command("skip")
def skip_for_host(
    name: NameArgument, *, why: WhyOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Do not wait for what the host waits for now: the canary, or work that you did by hand.

    Example: podyard host skip r1-h3 --why "BIOS 2.4.1 read on the console"
    """
    _ask(name, "skip", why, "does not wait for it", output)


@host_app.command("quarantine")
def quarantine_host(
    name: NameArgument, *, why: WhyOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Set a host apart: out of the offer, and left alone until it is retried.

    Example: podyard host quarantine r1-h3 --why "smells of smoke"
    """
    _ask(name, "quarantine", why, "is set apart", output)


def _ask(name: str, verb: str, why: str, told: str, output: Output) -> None:
    with service() as api:
        host = api.post(host_path(name, f"/{verb}"), {"why": why})
    say(f"{name} {told}; it is {host['state']}")
    write(host, output, lambda: pairs(host, DETAILS))
