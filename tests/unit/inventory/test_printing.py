"""What a host or a person elsewhere wrote reaches the terminal as letters, never as commands."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
import typer
import yaml
from rich.console import Console
from rich.text import Text

from inventory.client import ServiceError, report
from inventory.printing import Output, is_time, rows, say, write
from pods import answering
from pods.document import parse_document

HOSTILE = "rack\x1b]0;owned\x07 \x9b2J\u202e1-kcar\u2066 \u200f \U000e0041 \x7f"
READABLE = "Zürich, 東京, 4 °C"


def acting(text: str) -> list[str]:
    return [c for c in text if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize("output", list(Output))
@pytest.mark.parametrize("answer", [write, answering.write])
def test_no_form_of_an_answer_acts_on_the_terminal(
    answer: Callable[..., None], output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"note": HOSTILE, "place": READABLE, HOSTILE: [HOSTILE]}
    answer(data, output, lambda: Text(f"{HOSTILE} {READABLE}"))
    told = capsys.readouterr().out
    assert acting(told) == []
    assert READABLE in told


@pytest.mark.parametrize("answer", [write, answering.write])
def test_programs_read_back_what_was_there(
    answer: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"note": HOSTILE, "at": "2026-03-01T12:00:00Z", "long": f"{HOSTILE} {READABLE} " * 20}
    answer(data, Output.JSON, Text)
    assert json.loads(capsys.readouterr().out) == data
    answer(data, Output.YAML, Text)
    told = capsys.readouterr().out
    assert parse_document(told.encode()) == data
    if answer is write:
        assert yaml.safe_load(told) == data


def test_words_beside_the_answer_are_as_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"first {HOSTILE}\nsecond")
    report(ServiceError(HOSTILE, hint=HOSTILE))
    report(ServiceError("", lines=[HOSTILE]))
    with pytest.raises(typer.Exit):
        answering.fail(HOSTILE, hint=HOSTILE)
    told = capsys.readouterr().err
    assert acting(told) == []
    assert "\nsecond\n" in told


@pytest.mark.parametrize(
    ("columns", "times"),
    [
        (("host", "slot", "kind", "model", "serial", "installed_at", "removed_at", "rma"), 2),
        (("id", "title", "role", "tenant", "expires_at", "revoked_at", "last_used_at"), 3),
        (("seq", "at", "actor", "action", "subject", "outcome", "address"), 1),
        (("event_seq", "state", "attempts", "next_at", "last_status", "last_error"), 1),
    ],
)
def test_times_stay_on_one_line_at_80_columns(columns: tuple[str, ...], times: int) -> None:
    row = dict.fromkeys(columns, "something long enough")
    row |= {n: "2026-11-23T10:15:42.123456+01:00" for n in columns if is_time(n)}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(rows([row], columns))
    shown = console.export_text()
    assert shown.count("2026-11-23 09:15") == times
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_what_is_no_time_is_shown_as_it_is() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(rows([{"at": "soon"}, {"at": None}], ("at",)))
    assert "soon" in console.export_text()
