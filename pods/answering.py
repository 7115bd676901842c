"""How a command that needs no service answers: data on stdout, refusals with their hint on stderr.

Exit codes: 0 as asked, 1 what was given is not valid, 2 the command was used wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from pods.document import to_yaml
from pods.errors import PodsError

INVALID = 1
USAGE = 2


class Output(StrEnum):
    """How data is written to stdout."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to write the answer.")]


def write(data: Any, output: Output, table: Callable[[], RenderableType]) -> None:
    """The answer, once."""
    match output:
        case Output.JSON:
            typer.echo(to_json(data))
        case Output.YAML:
            typer.echo(to_yaml(data), nl=False)
        case Output.TABLE:
            Console().print(Harmless(table()))


@dataclass(frozen=True, slots=True)
class Harmless:
    """What is shown, without what would move a terminal's cursor or rewrite what it said before.

    Certificates and plans come from anywhere, and are looked at before they are believed.
    """

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Styles stay, since they are ours; letters that cannot be printed become a mark."""
        for text, style, control in console.render(self.content, options):
            yield Segment(harmless(text), style, control)


def harmless(text: str) -> str:
    """The same lines, with a mark for each letter that cannot be printed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def to_json(data: Any, *, indent: int | None = 2) -> str:
    """JSON for people, too: letters of any language stay readable, unprintable ones are escaped.

    That is more than JSON asks for: U+009B begins a terminal's command, and marks of direction
    show a line in another order than it is in.
    """
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def fail(message: str, *, hint: str = "", code: int = INVALID) -> NoReturn:
    """End the command with a message and its hint."""
    typer.echo(f"error: {harmless(message)}", err=True)
    if hint:
        typer.echo(f"hint: {harmless(hint)}", err=True)
    raise typer.Exit(code) from None


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a refusal into an exit code with two lines for a person."""
    try:
        yield
    except PodsError as error:
        fail(str(error), hint=error.hint)


def read_file(path: Path, *, limit_bytes: int) -> bytes:
    """At most so much of a file that a person named."""
    try:
        with path.open("rb") as file:
            return file.read(limit_bytes)
    except OSError as error:
        fail(
            f"cannot read {path}: {error.strerror}",
            hint="give the path of a file that you may read",
            code=USAGE,
        )


def write_file(path: Path, content: str) -> None:
    """A file that a person asked for; said on stderr, since data goes to stdout."""
    try:
        path.write_text(content)
    except OSError as error:
        fail(
            f"cannot write {path}: {error.strerror}",
            hint="choose a folder that exists and that you may write to",
            code=USAGE,
        )
    typer.echo(f"wrote {path}", err=True)
