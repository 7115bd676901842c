"""No figure of the catalogue stands bare, and none hides that it is doubtful."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pods import catalogue, shelf
from pods.checking import check_document
from pods.provenance import doubts, evidence, source_of, unvouched
from pods.shelf import Kind
from pods.spec import PodSpec

KINDS: tuple[Kind, ...] = ("host", "rack", "pod")
ALL: list[tuple[Kind, str]] = [(kind, name) for kind in KINDS for name in shelf.names(kind)]


def host_value(name: str) -> dict[str, Any]:
    found = catalogue.load_host(name).model_dump(mode="json", exclude_unset=True)
    return copy.deepcopy(found)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}-{name}" for kind, name in ALL])
def test_every_figure_of_the_catalogue_has_its_source(kind: Kind, name: str) -> None:
    found = unvouched(catalogue.load_document(name, kind=kind))
    assert [str(one) for one in found] == []


def test_a_figure_without_a_source_is_found() -> None:
    value = host_value("hgx-b200-8-air")
    del value["sources"]["weight_kg"]
    (found,) = unvouched(check_document(value, kind="host"))
    assert (found.path, found.value, found.reason) == ("weight_kg", 142.4, "no source")


def test_a_doubtful_figure_that_hides_its_doubt_is_found() -> None:
    value = host_value("hgx-b300-8")
    value["sources"]["power.nameplate_watts"] = {"source": "dgx-b200-guide"}
    (found,) = unvouched(check_document(value, kind="host"))
    assert found.path == "power.nameplate_watts"
    assert "ASUS" in found.reason


def test_a_redundancy_class_is_a_figure_too() -> None:
    value = host_value("hgx-h100-8")
    value["sources"]["psus.redundancy"] = {"source": "dgx-h100-guide"}
    (found,) = unvouched(check_document(value, kind="host"))
    assert (found.path, found.value) == ("psus.redundancy", "4+2")


@pytest.mark.parametrize("source", ["memory", "stand-in", "asus-b300-listing"])
def test_a_weak_source_makes_a_figure_uncertain_everywhere(source: str) -> None:
    value = host_value("hgx-b200-8-air")
    value["sources"]["weight_kg"] = {"source": source}
    (found,) = unvouched(check_document(value, kind="host"))
    assert "not marked uncertain" in found.reason
    value["sources"]["weight_kg"]["uncertain"] = True
    assert unvouched(check_document(value, kind="host")) == ()


def test_a_source_that_nobody_lists_is_found() -> None:
    value = host_value("hgx-b200-8-air")
    value["sources"]["weight_kg"] = {"source": "hearsay"}
    (found,) = unvouched(check_document(value, kind="host"))
    assert "not in the list" in found.reason


def test_a_pods_own_figures_are_looked_at_and_so_are_its_types() -> None:
    value = catalogue.load("nvl72-gb300").model_dump(mode="json")
    del value["sources"]["feeds"]
    del value["rack_types"]["rack"]["sources"]["power_limit_watts"]
    paths = {one.path for one in unvouched(check_document(value))}
    assert {"feeds.r1-a.rated_amps", "rack_types.rack.power_limit_watts"} <= paths


def test_the_nearest_source_counts() -> None:
    sources = catalogue.load_host("hgx-h100-8").sources
    found = source_of("accelerators.tdp_watts", sources)
    assert found is not None
    assert found.source == "ml-engineering"
    nearest = source_of("nics.groups[0].count", sources)
    assert nearest is not None
    assert nearest.source == "superpod-h100"
    assert source_of("nowhere.at[0].all", sources) is None


def test_every_doubt_is_about_a_figure_that_the_catalogue_could_have() -> None:
    named = {kind for doubt in doubts() for kind in ("host", "rack", "pod") if getattr(doubt, kind)}
    assert named == {"host", "rack", "pod"}
    assert all(doubt.why for doubt in doubts())


def test_every_listed_source_is_used() -> None:
    used = set()
    for kind, name in ALL:
        found = catalogue.load_document(name, kind=kind)
        used |= {one.source for one in found.sources.values()}
    assert set(evidence()) - used == set()


def test_a_host_type_tells_which_of_its_values_are_guesses() -> None:
    guessed = catalogue.load_host("mi300x-8").uncertain_paths()
    assert {"processors.model", "processors.cores", "memory.modules", "drives.count"} <= guessed
    assert "accelerators.count" not in guessed
    assert catalogue.load_host("hgx-b200-8-air").uncertain_paths() == {
        "power.typical_watts",
        "power.inrush_watts",
        "power.inrush_s",
    }


def test_a_guess_stays_a_guess_inside_a_pod_and_after_it_was_stored() -> None:
    stored = catalogue.load("mi300x-8").model_dump_json()
    (host_type,) = PodSpec.model_validate_json(stored).host_types.values()
    assert host_type.is_uncertain("processors.cores")
    assert not host_type.is_uncertain("accelerators.model")
