"""A chart shows every step, the budget, and what is kept for a feed that dies."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console

from pods.chart import COLUMNS_MAX, chart_svg, chart_text, panels
from pods.plan import Plan, PlannedHost, plan_bring_up
from pods.spec import PodSpec


def drawn(plan: Plan, **more: int) -> str:
    text = io.StringIO()
    Console(file=text, width=80, color_system=None).print(chart_text(plan, **more))
    return text.getvalue()


@pytest.fixture
def plan(lab: PodSpec) -> Plan:
    hosts = [PlannedHost(name=f"lab-{slot.slot}", slot=slot.slot) for _, slot in lab.slots()]
    return plan_bring_up(lab, pod="<lab>", hosts=hosts)


@pytest.fixture
def on_two_feeds(lab: PodSpec) -> Plan:
    value = lab.model_dump(mode="json")
    value["feeds"]["b"] = value["feeds"]["a"]
    for slot in value["racks"][0]["slots"]:
        slot["feed_b"] = "b"
    spec = PodSpec.model_validate(value, strict=False)
    hosts = [PlannedHost(name=f"lab-{slot.slot}", slot=slot.slot) for _, slot in spec.slots()]
    return plan_bring_up(spec, pod="lab", hosts=hosts)


def test_the_terminal_chart_fits_and_names_budget_and_peak(plan: Plan) -> None:
    text = drawn(plan)
    assert max(map(len, text.splitlines())) <= 80
    assert "budget 3680 W, peak 3300 W (90%)" in text
    assert "┤" in text
    assert "before … wave 3 running (+61.5 s)" in text


def test_a_higher_step_is_drawn_higher(plan: Plan) -> None:
    (panel,) = panels(plan)
    assert [round(c.watts) for c in panel.columns] == [80, 1260, 760, 3120, 2120, 3300, 2800]
    rows = [line.split("│", 1)[-1].split("┤", 1)[-1] for line in drawn(plan).splitlines()[1:11]]
    heights = [sum(row[6 * n : 6 * n + 1].strip() != "" for row in rows) for n in range(7)]
    assert heights == [1, 4, 3, 9, 6, 9, 8]


def test_what_is_kept_for_a_dead_feed_is_drawn_beside_what_flows(on_two_feeds: Plan) -> None:
    total, first, _ = panels(on_two_feeds)
    assert total.title == "all feeds"
    assert total.columns[-1].watts == 2800
    assert (first.columns[-1].watts, first.columns[-1].lost_watts) == (1400, 2800)
    text = drawn(on_two_feeds)
    assert "░ when the other feed dies" in text
    assert "peak 1650 W (45%), 3300 W (90%) when the other feed dies" in text


def test_the_picture_is_xml_with_a_bar_for_every_step(plan: Plan) -> None:
    root = ET.fromstring(chart_svg(plan))  # noqa: S314 - written by the code under test
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 7
    assert titles[5] == "wave 3 starting, +60 s: 3300 W"
    assert root.get("aria-label") == "Power of pod <lab> after lab-4@1"


def test_bars_stay_within_the_picture_and_below_the_budget(on_two_feeds: Plan) -> None:
    root = ET.fromstring(chart_svg(on_two_feeds))  # noqa: S314 - written by the code under test
    height = float(root.get("height", "0"))
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        top = float(bar.get("y", "0"))
        assert 0 <= top <= top + float(bar.get("height", "0")) <= height


def test_a_long_plan_is_thinned_and_keeps_its_peak(plan: Plan) -> None:
    (feed,) = plan.feeds
    steps = tuple(
        step.model_copy(update={"watts": 3600.0 if n == 77 else step.watts})
        for n, step in enumerate(feed.steps * 30)
    )
    many = plan.model_copy(update={"feeds": (feed.model_copy(update={"steps": steps}),)})
    lines = drawn(many).splitlines()
    assert max(map(len, lines)) <= 80
    assert "peak 3600 W" in lines[0]
    (panel,) = panels(many)
    assert len(panel.columns) > COLUMNS_MAX


def test_only_the_fullest_feeds_are_shown_and_the_others_counted(on_two_feeds: Plan) -> None:
    assert "… and 1 feeds that are less full" in drawn(on_two_feeds, feeds_max=1)
