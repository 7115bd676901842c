"""`podyard event`: what happened, and what happens while you watch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.text import Text

from inventory.client import Service, service
from inventory.printing import Output, OutputOption, printable, say, to_json, to_yaml, write

event_app = typer.Typer(
    no_args_is_help=True,
    help="See what happened, or follow along.\n\nExample: podyard event list --follow",
)
PAGE = 1000


@event_app.callback()
def events() -> None:
    """See what happened, or follow along.

    Example: podyard event list --follow
    """


@event_app.command("list")
def list_events(
    *,
    subject: Annotated[str, typer.Option(help="Only this subject, as host:r1-h1.")] = "",
    after: Annotated[int, typer.Option(min=0, help="Only events after this number.")] = 0,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep going.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List events, oldest first; with --follow they keep coming until Ctrl-C.

    Example: podyard event list --subject pod:lab --follow
    """
    with service() as api:
        found = _all(api, subject=subject, after=after)[-last:]
        if not follow:
            write(found, output, lambda: Text("\n".join(map(_line, found)) or "none"))
            return
        for event in found:
            _print_line(event, output)
        start = found[-1]["seq"] if found else after
        try:
            for event in _followed(api, subject=subject, after=start):
                _print_line(event, output)
        except KeyboardInterrupt:
            say("stopped following")


def _all(api: Service, *, subject: str, after: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.get("/api/events", subject=subject, after=after, limit=PAGE)
        found += page["results"]
        if len(page["results"]) < PAGE:
            return found
        after = page["last"]


def _followed(api: Service, *, subject: str, after: int) -> Iterator[dict[str, Any]]:
    with api.stream("/api/events", subject=subject, after=after) as lines:
        for line in lines:
            if line == "event: end":  # what follows says why, and is no event
                say("the service ended the stream: the key or session ended")
                return
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def _print_line(event: dict[str, Any], output: Output) -> None:
    match output:
        case Output.JSON:
            typer.echo(to_json(event, indent=None))
        case Output.YAML:
            typer.echo(to_yaml([event]), nl=False)
        case Output.TABLE:
            typer.echo(_line(event))


def _line(event: dict[str, Any]) -> str:
    """One event in one line, as short as it can say everything."""
    change = f"{event['old']} → {event['new']}" if event["old"] else event["new"]
    time = event["at"][:19].replace("T", " ")
    parts = (time, event["subject"], event["kind"], change, event["why"], f"by {event['actor']}")
    return "  ".join(printable(str(part)) for part in parts if part)
