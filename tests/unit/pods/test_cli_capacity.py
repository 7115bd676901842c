"""`podyard capacity`: one answer with everything it rests on, a chart that stands alone, hints."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pods.cli_capacity import capacity
from pods.line_chart import HEIGHT, LABEL_GAP, WIDTH, Axis, Line, line_chart, ticks

app = typer.Typer(rich_markup_mode=None)
app.command(name="capacity")(capacity)
app.command(name="other")(lambda: None)

SERVED = ("--profile", "deepseek-r1-fp8-1k-1k-42")
TOKENS = ("--tokens-per-day", "30e12")
SVG = "{http://www.w3.org/2000/svg}"


def podyard(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        app, ["capacity", *map(str, arguments)]
    )


def answer(*arguments: str) -> dict[str, Any]:
    result = podyard(*SERVED, *arguments, "-o", "json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_the_help_shows_an_example_within_80_columns() -> None:
    result = podyard("--help")
    assert "Example: podyard capacity" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_table_answers_within_80_columns_and_names_its_sources() -> None:
    result = podyard(*SERVED, *TOKENS, "--own-vs-rent")
    assert result.exit_code == 0
    for said in ("571 x su-b200-32", "261.29 MW", "hold in stock", "46% use", "assumed", "Llama 3"):
        assert said in result.stdout, said
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_without_the_comparison_no_price_is_shown() -> None:
    assert "USD/h" not in podyard(*SERVED, *TOKENS).stdout
    assert answer(*TOKENS)["own_vs_rent"] is None


def test_every_input_has_a_source_and_yours_replace_the_shipped_ones() -> None:
    found = answer(*TOKENS, "--own-vs-rent", "--power-price", "0.2", "--utilisation", "0.8")
    assert all(line["source"] for line in found["inputs"])
    mine = {line["input"]: line["value"] for line in found["inputs"] if "command" in line["source"]}
    assert mine == {"usd per kwh": 0.2, "utilisation": 0.8}
    assert found["own_vs_rent"]["energy"] == pytest.approx(0.2 * 1.25 * 14.3 / 8)


def test_your_rent_stands_alone() -> None:
    (line,) = answer(*TOKENS, "--own-vs-rent", "--rent", "4")["own_vs_rent"]["rents"]
    assert (line["usd_per_hour"], line["source"]) == (4, "you")


def test_a_part_without_rents_on_record_still_says_what_owning_costs(tmp_path: Path) -> None:
    path = tmp_path / "chart.svg"
    result = podyard(
        *("--profile", "served-at-120", "--b200e", "2000", "--pod", "su-gb200-8r"),
        *("--own-vs-rent", "--chart", path),
    )
    assert result.exit_code == 0
    assert "No rent is on record" in path.read_text()
    assert "no rent on record" in result.stdout
    assert "L/min of PG25" in result.stdout


@pytest.mark.parametrize("arguments", [(), ("--own-vs-rent",)])
def test_the_chart_is_svg_with_title_axes_units_and_every_line_named(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "chart.svg"
    result = podyard(*SERVED, *TOKENS, *arguments, "--chart", path)
    assert result.exit_code == 0
    assert f"wrote {path}" in result.stderr.replace("\n", "")
    root = ET.fromstring(path.read_text())  # noqa: S314 - our own file
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    lines = list(root.iter(f"{SVG}polyline"))
    wanted = (
        ("US dollars per accelerator-hour in use", "hours in use, per cent of all hours", "46 %")
        if arguments
        else ("weeks after the order", "B200-equivalents delivered and accepted")
    )
    assert all(text in texts for text in wanted)
    assert len(lines) == (6 if arguments else 2)
    sizes = [float(element.get("x", 0)) for element in root.iter(f"{SVG}text")]
    assert all(0 <= x <= WIDTH for x in sizes)
    assert all(0 <= float(e.get("y", 0)) <= HEIGHT for e in root.iter(f"{SVG}text"))


@pytest.mark.parametrize(
    "arguments",
    [
        (*SERVED,),
        (*SERVED, "--b200e", "1", *TOKENS),
        (*SERVED, "--b200e", "-1"),
        ("--profile", "no-such", "--b200e", "1"),
        ("--profile", "llama-70b-fp8", *TOKENS),
        (*SERVED, *TOKENS, "--pod", "su-x"),
        (*SERVED, "--b200e", "9e8"),
        (*SERVED, *TOKENS, "--own-vs-rent", "--site", "moon"),
        (*SERVED, *TOKENS, "--own-vs-rent", "--rent", "0"),
        (*SERVED, *TOKENS, "--capital", "-5"),
        (*SERVED, *TOKENS, "--financing", "8"),
        (*SERVED, *TOKENS, "--pue", "0.5"),
        (*SERVED, *TOKENS, "--utilisation", "50"),
        (*SERVED, *TOKENS, "--pods-per-wave", "0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(arguments: tuple[str, ...]) -> None:
    result = podyard(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "\nhint: " in result.stderr


@pytest.mark.parametrize(
    "option", ["--capital", "--power-price", "--financing", "--life-years", "--pue"]
)
def test_an_input_that_cannot_be_meant_is_named_by_its_option(option: str) -> None:
    result = podyard(*SERVED, *TOKENS, option, "-1")
    assert result.exit_code == 1
    assert f"{option} of -1 cannot be meant" in result.stderr
    assert f"hint: give {option} " in result.stderr


def test_a_demand_of_next_to_nothing_buys_no_pod() -> None:
    result = podyard(*SERVED, "--tokens-per-day", "1e-9")
    assert result.exit_code == 1
    assert "less than a thousandth of one accelerator" in result.stderr
    assert "tokens a day" in result.stderr


def test_a_chart_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    result = podyard(*SERVED, *TOKENS, "--chart", tmp_path / "none" / "x.svg")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_ticks_are_round_numbers_inside_the_axis() -> None:
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(0, 7.95) == pytest.approx([0, 2, 4, 6])
    assert len(ticks(0, 1)) == 6


def test_names_of_lines_that_end_together_do_not_overlap_and_markup_is_escaped() -> None:
    same = [Line(name=f"<{n}>", points=((0, 0), (1, 5)), colour="#000000") for n in range(5)]
    drawn = line_chart("a & b", subtitle="", x=Axis("x", 0, 1), y=Axis("y", 0, 10), lines=same)
    root = ET.fromstring(drawn)  # noqa: S314 - our own text
    named = {f"<{n}>" for n in range(5)}
    places = sorted(float(e.get("y", 0)) for e in root.iter(f"{SVG}text") if e.text in named)
    assert len(places) == 5
    assert all(b - a >= LABEL_GAP - 0.11 for a, b in itertools.pairwise(places))


def test_the_chart_of_the_guide_is_the_one_that_the_command_draws(tmp_path: Path) -> None:
    path = tmp_path / "chart.svg"
    assert podyard(*SERVED, *TOKENS, "--own-vs-rent", "--chart", path).exit_code == 0
    guide = Path(__file__).parents[3] / "docs" / "guides" / "own-or-rent.svg"
    assert path.read_text() == guide.read_text()
