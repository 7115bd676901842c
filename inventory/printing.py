"""How the commands answer: data on stdout in the form that was asked for, words on stderr.

What a host or a BMC reported is shown as text, with control characters made visible: a terminal
must not act on what a stranger wrote.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
import yaml
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from inventory.client import ServiceError
from pods.answering import Harmless, Output, OutputOption, harmless, to_json
from pods.document import escaped, represent_text

__all__ = ["Output", "OutputOption", "age", "pairs", "rows", "say", "to_json", "until", "write"]

ASK_AGAIN_S = 1.0  # between two looks of a command that waits


def write(data: Any, output: Output, table: Callable[[], RenderableType]) -> None:
    """The answer."""
    match output:
        case Output.JSON:
            typer.echo(to_json(data))
        case Output.YAML:
            typer.echo(to_yaml(data), nl=False)
        case Output.TABLE:
            Console().print(Harmless(table()))


def say(text: str) -> None:
    """Something for the person, not for the program that reads stdout."""
    typer.echo(harmless(text), err=True)


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 would take for a date or a boolean."""


_Dumper.add_representer(str, represent_text)


def to_yaml(data: Any) -> str:
    """YAML for programs that read version 1.1 of it, as most do."""
    return escaped(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def rows(data: Sequence[dict[str, Any]], columns: Sequence[str]) -> RenderableType:
    """A table of these columns; nothing is cut, long cells fold. Times are to the minute."""
    if not data:
        return Text("none")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # A time is as wide as it is: only what people named may fold.
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=is_time(column))
    for row in data:
        table.add_row(*(_short(column, row.get(column)) for column in columns))
    return table


def pairs(data: dict[str, Any], names: Sequence[str]) -> RenderableType:
    """One thing, a line per field that says something."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name in names:
        shown = cell(data.get(name))
        if shown.plain:
            table.add_row(name.replace("_", " "), shown)
    return table


def is_time(column: str) -> bool:
    """Fields that hold a moment end alike everywhere in the API."""
    return column == "at" or column.endswith("_at")


def _short(column: str, value: Any) -> Text:
    if not is_time(column) or not isinstance(value, str):
        return cell(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return cell(value)
    return Text((moment.astimezone(UTC) if moment.tzinfo else moment).strftime("%Y-%m-%d %H:%M"))


def cell(value: Any) -> Text:
    """A value as a terminal may show it."""
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, float):
        return Text(f"{value:.1f}")
    if isinstance(value, list | tuple):
        return Text(", ".join(printable(str(one)) for one in value))
    return Text(printable(str(value)))


def printable(text: str) -> str:
    """Control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def age(moment: str, *, now: datetime | None = None) -> str:
    """How long ago, short."""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def until(
    ask: Callable[[], Any],
    done: Callable[[Any], bool],
    *,
    timeout_s: float,
    what: str,
    progress: Callable[[Any], str],
) -> Any:
    """Ask until it is done, telling each change on stderr; ServiceError when the time is up."""
    end = time.monotonic() + timeout_s
    told = ""
    while True:
        found = ask()
        if done(found):
            return found
        if (text := printable(progress(found))) != told:
            say(text)
            told = text
        if time.monotonic() >= end:
            raise ServiceError(
                f"{what} after {timeout_s:.0f} s: {text}",
                hint="it goes on without this command; ask again, or wait longer with --timeout",
            )
        time.sleep(ASK_AGAIN_S)
