"""The shipped specs can be named, are sound, and are what their digests say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pods import catalogue, shelf
from pods.errors import SpecNotFound


@pytest.mark.parametrize("name", catalogue.names())
def test_every_shipped_spec_loads_under_its_name_and_version(name: str) -> None:
    spec = catalogue.load(name)
    assert spec.name == name
    assert catalogue.load(spec.identity) == spec


def test_a_version_that_is_not_shipped_is_named() -> None:
    with pytest.raises(SpecNotFound, match="shipped in version 1, not '7'") as caught:
        catalogue.load("lab-4@7")
    assert "lab-4@1" in caught.value.hint


@pytest.mark.parametrize("name", ["lab-5", "", "lab-4/", "../lab-4", "x.yaml"])
def test_a_name_that_nothing_has_is_not_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecNotFound):
        catalogue.load(name)


def test_the_lab_is_too_big_to_start_at_once_and_small_enough_to_run() -> None:
    spec = catalogue.load("lab-4")
    power, feed = spec.host_types["lab-cpu"].power, spec.feeds["a"]
    assert feed.budget_watts == pytest.approx(3680.0)
    assert 4 * power.inrush_watts > feed.budget_watts > 4 * power.nameplate_watts


def test_every_figure_of_the_lab_says_where_it_comes_from() -> None:
    text = (catalogue.CATALOG / "lab-4.yaml").read_text()
    figures = [
        line
        for line in text.splitlines()
        if any(f"{unit}:" in line for unit in ("_watts", "_amps", "volts", "_s", "_limit"))
    ]
    assert figures
    assert all("#" in line for line in figures)


@pytest.mark.parametrize("name", shelf.names("host"))
def test_every_host_type_names_published_firmware_or_says_why_there_is_none(name: str) -> None:
    host_type = catalogue.load_host(name)
    release = host_type.firmware_release
    assert release is not None
    assert bool(release.components) != bool(release.none_because)
    assert "firmware_release" in host_type.sources
