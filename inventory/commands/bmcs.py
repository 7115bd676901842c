"""`podyard bmc`: what is asked of a host's BMC itself, rather than of the host."""

from __future__ import annotations

import typer

from inventory.client import service
from inventory.commands.hosts import DETAILS, NameArgument, host_path
from inventory.printing import Output, OutputOption, pairs, say, write

bmc_app = typer.Typer(
    no_args_is_help=True,
    help="Look after the BMCs of hosts.\n\nExample: podyard bmc rotate r1-h3",
)


@bmc_app.callback()
def bmc() -> None:
    """Keep `rotate` a command of its own while it is the only one."""


@bmc_app.command("rotate")
def rotate(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Give a BMC a password that only podyard knows, made to the BMC's own policy.

    The new password is stored before the BMC hears of it, and the old one is kept until the new one
    has opened the BMC. `podyard host why NAME` shows how it ended.

    Example: podyard bmc rotate r1-h3
    """
    with service() as api:
        host = api.post(host_path(name, "/bmc/rotate"), {})
    say(f"{name}: another BMC password is asked for; how it ended: podyard host why {name}")
    write(host, output, lambda: pairs(host, DETAILS))
