"""Variants and types are written out on reading: what is signed stands alone."""

from __future__ import annotations

from typing import Any

import pytest

from pods import catalogue
from pods.checking import check, check_document
from pods.composition import at, compose, merged
from pods.errors import SpecInvalid

HEAD = {"name": "mine", "version": "1", "description": "mine"}
NEEDED = ["hgx-h100-8", "hgx-h200-8", "hgx-b200-8-air", "hgx-b200-8-liquid", "hgx-b300-8"]
NEEDED += ["mi300x-8", "mi325x-8", "mi355x-8", "nvl72-gb200", "nvl72-gb300"]
UNITS = {
    "su-h100-32": (32, 256, 8),
    "su-b200-32": (32, 256, 8),
    "su-b300-64": (64, 512, 8),
    "su-b300-72": (72, 576, 8),
    "su-gb200-8r": (144, 576, 72),
}


def error_of(value: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(SpecInvalid) as caught:
        check(value)
    (error,) = caught.value.errors
    return error.path, error.hint


@pytest.mark.parametrize("name", NEEDED)
def test_the_catalogue_has_each_host_type_and_its_north_south_variant(name: str) -> None:
    spec = catalogue.load(name)
    variant = catalogue.load(f"{name}-inference-ns")
    assert spec.fabric is not None
    assert variant.fabric is not None
    assert spec.fabric.rails > 0
    assert variant.fabric.kind == "north_south"
    assert variant.variant_of == spec.identity
    (host,) = variant.host_types.values()
    assert host.nics.group("compute") is None
    assert host.type is not None
    assert host.type.endswith("-inference-ns@1")


@pytest.mark.parametrize(("name", "size"), UNITS.items(), ids=list(UNITS))
def test_a_scalable_unit_has_its_published_size(name: str, size: tuple[int, int, int]) -> None:
    spec = catalogue.load(name)
    (host,) = spec.host_types.values()
    assert host.accelerators is not None
    hosts = len(spec.slots())
    assert (hosts, hosts * host.accelerators.count, host.scale_up_domain) == size


def test_a_variant_takes_over_all_but_its_name_and_says_what_it_varies() -> None:
    spec = check({"extends": "lab-4@1", **HEAD, "feeds": {"a": {"rated_amps": 32.0}}})
    base = catalogue.load("lab-4")
    assert (spec.identity, spec.variant_of) == ("mine@1", "lab-4@1")
    assert spec.racks == base.racks
    assert (spec.feeds["a"].rated_amps, spec.feeds["a"].volts) == (32.0, 230.0)
    assert spec.digest() != base.digest()


def test_a_composed_spec_reads_back_as_itself() -> None:
    spec = catalogue.load("nvl72-gb300-inference-ns")
    assert check(spec.document()) == spec


def test_a_variant_needs_a_name_and_version_of_its_own() -> None:
    with pytest.raises(SpecInvalid) as caught:
        check({"extends": "lab-4@1"})
    assert {error.path for error in caught.value.errors} == {"name", "version", "description"}


def test_null_takes_an_entry_away_and_lists_are_replaced() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [1, 2]}
    assert merged(base, {"a": {"b": None}, "d": [3]}) == {"a": {"c": 2}, "d": [3]}
    assert base == {"a": {"b": 1, "c": 2}, "d": [1, 2]}


def test_a_variants_source_replaces_the_bases_whole() -> None:
    base = {"sources": {"x": {"source": "memory", "uncertain": True}, "y": {"source": "lab"}}}
    over = {"sources": {"x": {"source": "lab"}, "y": None}}
    assert merged(base, over) == {"sources": {"x": {"source": "lab"}}}


def test_a_host_type_that_is_taken_unchanged_keeps_its_identity() -> None:
    spec = catalogue.load("hgx-b200-8-air")
    assert spec.host_types["host"].type == "hgx-b200-8-air@1"
    assert spec.rack_types["rack"].type == "hgx-10u-rack-2@1"


def test_a_host_type_that_is_changed_loses_its_identity_and_says_so() -> None:
    types = {"host": {"extends": "hgx-b200-8-air@1", "memory": {"modules": 16}}}
    whole = compose({"host_types": types})["host_types"]["host"]
    assert "type" not in whole
    assert whole["variant_of"] == "hgx-b200-8-air@1"
    assert whole["memory"] == {"modules": 16, "module_gib": 64}


def test_a_rack_that_names_its_type_gets_a_slot_for_each_position() -> None:
    slots = catalogue.load("nvl72-gb200").racks[0].slots
    assert len(slots) == 18
    assert (slots[0].slot, slots[0].unit) == ("r1-compute01", 5)
    assert (slots[0].feed, slots[0].feed_b) == ("r1-a", "r1-b")


def test_a_rack_may_fill_only_some_of_its_positions() -> None:
    value = catalogue.load("hgx-h100-8").document()
    value["racks"][0]["slots"] = value["racks"][0]["slots"][:2]
    assert len(check(value).slots()) == 2


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        ("lab-5@1", "did you mean `lab-4@1`?"),
        ("lab-4", "write `extends: lab-4@1`"),
        ("lab-4@2", "write `extends: lab-4@1`"),
        (7, "shipped are"),
        ("../../etc/passwd", "shipped are"),
    ],
)
def test_a_base_that_is_not_shipped_is_told(extends: object, words: str) -> None:
    path, hint = error_of({"extends": extends, **HEAD})
    assert path == "extends"
    assert words in hint


def test_a_host_type_that_is_not_shipped_is_told_at_its_place() -> None:
    value = catalogue.load("hgx-h100-8").document()
    value["host_types"]["host"] = {"extends": "hgx-h10-8@1"}
    path, hint = error_of(value)
    assert path == "host_types.host.extends"
    assert "hgx-h100-8@1" in hint


def test_a_file_may_be_a_host_type_or_a_rack_type() -> None:
    base: dict[str, Any] = {"kind": "host", "extends": "mi300x-8@1", **HEAD}
    assert check_document({**base, "weight_kg": None}).name == "mine"
    assert check_document({"kind": "rack", "extends": "nvl72-gb200@1", **HEAD}).name == "mine"


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.b[1].c", 3), ("a.b[9]", None), ("a.x", None), ("a.b.c", None), ("a[0]", None)],
)
def test_a_path_leads_to_its_value_or_to_nothing(path: str, found: object) -> None:
    assert at({"a": {"b": [0, {"c": 3}]}}, path) == found


def test_a_field_that_says_nothing_is_left_out_of_document_and_digest() -> None:
    value = catalogue.load("lab-4").document()
    assert not {"fabric", "scalable_unit", "rack_types", "variant_of"} & value.keys()
    said = check({**value, "fabric": None, "profiles": [], "rack_types": {}})
    assert said.digest() == catalogue.load("lab-4").digest()


def test_the_labs_digest_is_the_one_that_its_first_certificates_carry() -> None:
    # A new field must not change what an earlier spec is.
    digest = "sha256:cc0ef25f52e36c4a3b6e3c0e9f89d04b69233101095673093d1de2e78586da35"
    assert catalogue.load("lab-4").digest() == digest


def test_a_corrected_citation_changes_no_digest() -> None:
    value = catalogue.load("hgx-h100-8").document()
    value["sources"]["feeds"]["note"] = "corrected"
    value["host_types"]["host"]["sources"]["weight_kg"]["source"] = "a scale"
    assert check(value).digest() == catalogue.load("hgx-h100-8").digest()


def test_a_unit_may_give_up_a_host_position_to_its_fabric() -> None:
    value = catalogue.load("su-h100-32").document()
    value["racks"][7]["slots"].pop()
    with pytest.raises(SpecInvalid, match="scalable_unit"):
        check(value)
    value["scalable_unit"]["hosts_given_up"] = 1
    assert len(check(value).slots()) == 31
