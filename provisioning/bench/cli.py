"""`podyard bench`: measure a bring-up, and have it judged."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from inventory.printing import Output, OutputOption, pairs, say, write

if TYPE_CHECKING:
    from provisioning.bench.bring_up import Progress
    from provisioning.bench.real import RealWish

bench_app = typer.Typer(
    no_args_is_help=True,
    help="Measure this machine and this version against a fleet that does not exist.\n\n"
    "Example: podyard bench bring-up --hosts 1000 --virtual",
)
FAILED = 1
INTERRUPTED = 130
ZERO = (
    "lost",
    "double_destructive",
    "false_ready",
    "over_budget",
    "over_limits",
    "sessions_left",
    "bugs",
)
"""What no run may show."""
TELLS_EVERY_S = 5.0


class Telling:
    """Says on standard error how far a run is: one of ten thousand hosts takes minutes."""

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts
        self._began = self._said = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Not more often than anybody reads it."""
        now = time.monotonic()
        if now - self._said >= TELLS_EVERY_S:
            self._said = now
            say(
                f"{now - self._began:.0f} s: {progress.ready} ready and {progress.parked} parked "
                f"of {self._hosts}, after {progress.virtual_s:.0f} virtual seconds"
            )


@bench_app.callback()
def bench() -> None:
    """Keep `bring-up` a command of its own."""


@bench_app.command("bring-up")
def bring_up(
    *,
    hosts: Annotated[int, typer.Option(min=1, max=50_000, help="How many hosts.")] = 1000,
    real: Annotated[
        bool,
        typer.Option(
            "--real/--virtual",
            help="In real time, over HTTPS to BMCs in a process of their own; else in virtual "
            "time, with BMCs in this process.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Names the run: the same seed, the same journal.")] = 1,
    faults: Annotated[
        str, typer.Option(help="What goes wrong between controller and BMCs: none, field or harsh.")
    ] = "field",
    black_holed: Annotated[
        str, typer.Option(help="Share of the BMCs that answer nothing, ever: 1% or 0.01.")
    ] = "0",
    controllers: Annotated[
        int,
        typer.Option(
            min=1,
            max=16,
            help="In virtual time: how many share the fleet, pod by pod, each in a process of its "
            "own. Another number is another run.",
        ),
    ] = 2,
    database: Annotated[
        str, typer.Option("--store", help="With --real: postgresql+psycopg://… instead of SQLite.")
    ] = "",
    keep: Annotated[
        Path | None,
        typer.Option(help="With --real: an empty folder for logs, journal and records."),
    ] = None,
    limit: Annotated[
        float, typer.Option(min=1, help="With --real: give up after so many seconds.")
    ] = 3600.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Bring a fleet up by the real controller, and let the hall's journal judge what it did.

    Example: podyard bench bring-up --hosts 10000 --virtual --seed 1 -o json

    Example: podyard bench bring-up --hosts 1000 --real --black-holed 1% -o json
    """
    from provisioning.bench.bring_up import Wish  # noqa: PLC0415 - server extra
    from provisioning.bench.parts import PartLost  # noqa: PLC0415 - the same
    from provisioning.bench.parts import bring_up as run  # noqa: PLC0415 - the same
    from provisioning.bench.weather import WEATHER  # noqa: PLC0415 - the same

    if faults not in WEATHER:
        _refuse(f"--faults {faults}: there is no such weather", hint=f"write {', '.join(WEATHER)}")
    logging.getLogger("podyard").setLevel(logging.CRITICAL)  # thousands of warnings are the point
    if real:
        from provisioning.bench.real import RealWish  # noqa: PLC0415 - the same

        share = _share(black_holed)
        _really(RealWish(hosts, seed, faults, share, database, limit, keep), output)
        return
    wish = Wish(hosts, seed, faults, _share(black_holed), controllers)
    began = time.monotonic()
    try:
        said = run(wish, Telling(hosts))
    except PartLost as error:
        _refuse(str(error), hint=error.hint)
    except KeyboardInterrupt:
        say("stopped: a run that was not finished proves nothing")
        raise typer.Exit(INTERRUPTED) from None
    said["seconds"] = round(time.monotonic() - began, 1)
    write(said, output, lambda: pairs(said, tuple(said)))
    wrong = [name for name in ZERO if said.get(name)]
    if wrong:
        say(f"not good: {', '.join(f'{name} is {said[name]}' for name in wrong)}")
        raise typer.Exit(FAILED)


def _really(wish: RealWish, output: Output) -> None:
    from provisioning.bench.real import bring_up as run  # noqa: PLC0415 - server extra
    from provisioning.simulator.errors import HallError  # noqa: PLC0415 - the same

    try:
        said = run(wish)
    except HallError as error:
        _refuse(str(error), hint=error.hint)
    write(said, output, lambda: pairs(said, tuple(said)))
    if wrong := [name for name in ZERO if said.get(name)]:
        say(f"not good: {', '.join(f'{name} is {said[name]}' for name in wrong)}")
        raise typer.Exit(FAILED)


def _share(text: str) -> float:
    """`1%` or `0.01`."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        _refuse(f"--black-holed {text} is no share of the hosts", hint="write 1% or 0.01")
    return share


def _refuse(message: str, *, hint: str) -> NoReturn:
    say(f"error: {message}")
    say(f"hint: {hint}")
    raise typer.Exit(2)
