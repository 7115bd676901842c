"""Plans are shown and compared from files, and what is no plan is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inventory.commands.plans import plan_app as app
from pods.cli import spec_app
from pods.facts import HardwareFacts
from pods.plan import Plan, PlannedHost, plan_bring_up
from pods.plan_diff import told_differences
from pods.spec import PodSpec


def lab_plan(lab: PodSpec, **first: HardwareFacts | bool) -> Plan:
    hosts = [PlannedHost(name=slot.slot, slot=slot.slot) for _, slot in lab.slots()]
    hosts[0] = PlannedHost(name="r1-h1", slot="r1-h1", **first)  # type: ignore[arg-type]
    return plan_bring_up(lab, pod="lab", hosts=hosts)


@pytest.fixture
def stored(lab: PodSpec, tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(lab_plan(lab).model_dump_json())
    return path


def test_a_plan_is_shown_with_its_chart_and_drawn(stored: Path, tmp_path: Path) -> None:
    svg = tmp_path / "plan.svg"
    done = CliRunner().invoke(app, ["show", str(stored), "--chart", "--svg", str(svg)])
    assert done.exit_code == 0, done.stderr
    assert "feed a  budget 3680 W" in done.stdout
    assert svg.read_text().startswith("<svg ")
    assert "canary" in CliRunner().invoke(app, ["show", str(stored)]).stdout


def test_the_noun_alone_shows_and_a_picture_may_stand_behind_chart(
    stored: Path, tmp_path: Path
) -> None:
    svg = tmp_path / "plan.svg"
    for words in ([str(stored), "--chart", str(svg)], ["--chart", str(svg), str(stored)]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.stderr
        assert "feed a  budget 3680 W" in done.stdout
        assert done.stderr == f"wrote {svg}\n"
        svg.unlink()
    from_stdin = CliRunner().invoke(app, ["-", "-o", "json"], input=stored.read_text())
    assert json.loads(from_stdin.stdout)["pod"] == "lab"


def test_a_preview_of_a_design_has_the_same_chart(tmp_path: Path) -> None:
    svg = tmp_path / "plan.svg"
    done = CliRunner().invoke(spec_app, ["plan", "lab-4", "--chart", str(svg)])
    assert done.exit_code == 0, done.stderr
    assert svg.exists()


def test_a_plan_says_what_is_flashed_wiped_and_rebooted_first(
    lab: PodSpec, make_facts: object, tmp_path: Path
) -> None:
    behind = make_facts(firmware={"BIOS": "1.0", "BMC": "1.8.0"})  # type: ignore[operator]
    path = tmp_path / "plan.json"
    path.write_text(lab_plan(lab, facts=behind, powered=True).model_dump_json())
    lines = CliRunner().invoke(app, [str(path)]).stdout.splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["flashes", "r1-h1:", "firmware_update", "BIOS", "1.0", "→", "2.4.1"],
        ["wipes", "nothing:", "a", "bring-up", "leaves", "drives", "as", "they", "are"],
        ["reboots", "r1-h1"],
    ]
    assert any("the inrush of wave" in line or "stage is ready" in line for line in lines)


def test_one_file_alone_has_nothing_to_differ_from(stored: Path) -> None:
    done = CliRunner().invoke(app, ["diff", str(stored)])
    assert done.exit_code == 2
    assert "second plan" in done.stderr


def test_an_answer_of_the_service_holds_a_plan(lab: PodSpec, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"plan": lab_plan(lab).model_dump(mode="json"), "approved": True}))
    assert CliRunner().invoke(app, ["show", str(path), "-o", "json"]).exit_code == 0


def test_the_same_plans_do_not_differ(stored: Path) -> None:
    done = CliRunner().invoke(app, ["diff", str(stored), str(stored)])
    assert done.stdout.strip() == "no difference"


def test_what_would_be_flashed_is_told_first(lab: PodSpec, make_facts: object) -> None:
    behind = make_facts(firmware={"BIOS": "1.0", "BMC": "1.8.0"})  # type: ignore[operator]
    found = told_differences(lab_plan(lab), lab_plan(lab, facts=behind))
    assert str(found[0].after) == "r1-h1: firmware_update BIOS 1.0 → 2.4.1"
    assert [change.path for change in found] == ["destructive", "plan not inspected"]


def test_a_host_that_moves_and_the_feed_that_follows_are_told(lab: PodSpec) -> None:
    found = told_differences(lab_plan(lab), lab_plan(lab, powered=True))
    paths = {change.path: change for change in found}
    assert paths["acts r1-h1"].before.startswith("power_on")
    assert told_differences(lab_plan(lab), lab_plan(lab)) == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "holds no plan"),
        ("[]", "holds no plan"),
        ('{"pod": "lab"}', "Field required"),
        ("[" * 100_000, "holds no plan"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    done = CliRunner().invoke(app, ["show", str(path)])
    assert done.exit_code == 1
    assert words in done.stderr
    assert "hint:" in done.stderr


def test_a_changed_plan_is_refused(stored: Path) -> None:
    stored.write_text(stored.read_text().replace('"peak_watts":3300.0', '"peak_watts":1.0'))
    done = CliRunner().invoke(app, ["show", str(stored)])
    assert done.exit_code == 1
    assert "was changed" in done.stderr
    assert CliRunner().invoke(app, ["show", str(stored) + "x"]).exit_code == 2
