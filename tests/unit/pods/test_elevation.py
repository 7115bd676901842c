"""A drawn rack shows everything that is in it, once, where it is."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from pods import catalogue
from pods.checking import check
from pods.elevation import alike, contents, elevation_svg, elevation_text, elevations

NAMES = ["lab-4", "nvl72-gb300", "su-b300-72", "hgx-b200-8-liquid"]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_names_everything_once_within_80_columns(name: str) -> None:
    spec = catalogue.load(name)
    rack = spec.racks[0]
    text = elevation_text(spec, rack)
    assert max(map(len, text.splitlines())) <= 80
    for item in contents(spec, rack):
        assert text.count(f" {item.name} ") == 1, item.name


@pytest.mark.parametrize("name", NAMES)
def test_every_unit_is_drawn_from_the_top_down(name: str) -> None:
    spec = catalogue.load(name)
    units: list[int] = []
    for line in elevation_text(spec, spec.racks[0]).splitlines():
        span = line.partition("│")[0].strip()
        if "│" in line and span:
            low, _, high = span.partition("-")
            units += range(int(high or low), int(low) - 1, -1)
    assert units == list(range(spec.racks[0].units, 0, -1))


def test_the_picture_is_xml_and_holds_every_name() -> None:
    spec = catalogue.load("nvl72-gb300")
    root = ET.fromstring(elevation_svg(spec, spec.racks[0]))  # noqa: S314 - our own text
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for item in contents(spec, spec.racks[0]):
        assert any(text.startswith(f"{item.name} ") for text in texts)
    assert any("142000 W" in text for text in texts)


def test_a_hostile_model_name_stays_text_in_the_picture() -> None:
    value = catalogue.load("lab-4").document()
    value["host_types"]["lab-cpu"]["model"] = "</text><script>x</script>"
    spec = check(value)
    svg = elevation_svg(spec, spec.racks[0])
    assert "<script>" not in svg
    assert ET.fromstring(svg) is not None  # noqa: S314 - our own text


def test_racks_that_look_alike_are_drawn_once_and_counted() -> None:
    spec = catalogue.load("su-gb200-8r")
    assert [count for _, count in alike(spec)] == [8]
    assert "(7 more like this one)" in elevations(spec, alike(spec))


def test_a_limit_and_a_weight_are_told_where_they_are_known() -> None:
    value = catalogue.load("hgx-b200-8-air").document()
    value["rack_types"]["rack"]["weight_limit_kg"] = 900.0
    spec = check(value)
    text = elevation_text(spec, spec.racks[0])
    assert "weight 284.8 kg (known parts) of at most 900 kg" in text
