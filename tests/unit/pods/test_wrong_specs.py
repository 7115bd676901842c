"""Specs that people write wrongly: each answer names path, value and hint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pods import catalogue
from pods.checking import check, parse_spec, path_text
from pods.errors import ERRORS_SHOWN_MAX, SpecError, SpecInvalid, shown

Change = Callable[[dict[str, Any]], object]


def errors_of(value: Any) -> tuple[SpecError, ...]:
    with pytest.raises(SpecInvalid) as caught:
        check(value)
    assert all(error.value and error.message and error.hint for error in caught.value.errors)
    return caught.value.errors


def host_type(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["host_types"]["lab-cpu"]
    return found


def slot(value: dict[str, Any], index: int) -> dict[str, Any]:
    found: dict[str, Any] = value["racks"][0]["slots"][index]
    return found


def rename(entry: dict[str, Any], old: str, new: str) -> None:
    entry[new] = entry.pop(old)


WRONG: list[tuple[str, Change, str, str, str]] = [
    (
        "a-misspelt-field",
        lambda v: rename(v, "boot_policy", "boot_polcy"),
        "boot_polcy",
        "'memory'",
        "did you mean `boot_policy`?",
    ),
    (
        "a-wrong-unit-in-the-name",
        lambda v: rename(host_type(v)["memory"], "module_gib", "module_gb"),
        "host_types.lab-cpu.memory.module_gb",
        "16",
        "did you mean `module_gib`, in GiB (1024^3 bytes)",
    ),
    (
        "a-unit-in-the-value",
        lambda v: host_type(v)["power"].update(nameplate_watts="4kW"),
        "host_types.lab-cpu.power.nameplate_watts",
        "'4kW'",
        "give watts as a whole number without a unit: 4000?",
    ),
    (
        "a-missing-field",
        lambda v: v["feeds"]["a"].pop("volts"),
        "feeds.a.volts",
        "nothing",
        "add `volts:`",
    ),
    (
        "an-unquoted-version",
        lambda v: v.update(version=1),
        "version",
        "1",
        'put it in quotes: version: "1"',
    ),
    (
        "an-unknown-host-type",
        lambda v: slot(v, 1).update(host_type="lab-gpu"),
        "racks[0].slots[1].host_type",
        "'lab-gpu'",
        "did you mean `lab-cpu`?",
    ),
    (
        "an-unknown-feed",
        lambda v: slot(v, 1).update(feed="utility"),
        "racks[0].slots[1].feed",
        "'utility'",
        "declared are: a",
    ),
    (
        "a-slot-twice",
        lambda v: slot(v, 2).update(slot="r1-h1"),
        "racks[0].slots[2].slot",
        "'r1-h1'",
        "unique in the whole pod",
    ),
    (
        "a-rack-unit-twice",
        lambda v: slot(v, 2).update(unit=1),
        "racks[0].slots[2].unit",
        "1",
        "free unit of rack r1",
    ),
    (
        "a-unit-above-the-rack",
        lambda v: slot(v, 3).update(unit=44),
        "racks[0].slots[3].unit",
        "44",
        "give a unit from 1 to 42",
    ),
    (
        "hosts-over-the-feed",
        lambda v: v["feeds"]["a"].update(rated_amps=5.0),
        "feeds.a",
        "920 W",
        "move slots to another feed",
    ),
    (
        "hosts-that-can-never-all-start",
        lambda v: v["feeds"]["a"].update(rated_amps=16.0),
        "feeds",
        "a 2944 W",
        "to another feed",
    ),
    (
        "a-nameplate-below-typical",
        lambda v: host_type(v)["power"].update(nameplate_watts=400),
        "host_types.lab-cpu.power.nameplate_watts",
        "400",
        "give at least 450",
    ),
    (
        "a-percentage-as-ratio",
        lambda v: v["acceptance"]["floors"][0].update(floor=60.0),
        "acceptance.floors[0].floor",
        "60.0",
        "such as 0.6 (not 60)",
    ),
    (
        "an-absolute-floor-without-unit",
        lambda v: v["acceptance"]["floors"][0].update(kind="absolute"),
        "acceptance.floors[0].unit",
        "''",
        "add `unit:`",
    ),
    (
        "a-floor-twice",
        lambda v: v["acceptance"]["floors"].append(v["acceptance"]["floors"][0]),
        "acceptance.floors[3].test",
        "'matrix_multiply'",
        "one floor for each test",
    ),
    (
        "a-wrong-total-of-accelerators",
        lambda v: v["unit"].update(accelerators=8),
        "unit.accelerators",
        "8",
        "give 1, or correct unit.hosts",
    ),
    (
        "slots-that-make-no-whole-units",
        lambda v: v["unit"].update(hosts=3, accelerators=3),
        "unit.hosts",
        "3",
        "divisor",
    ),
    (
        "firmware-for-nobody",
        lambda v: rename(v["firmware"], "lab-cpu", "lab-cpo"),
        "firmware.lab-cpo",
        "'lab-cpo'",
        "did you mean `lab-cpu`?",
    ),
    (
        "bios-for-nobody",
        lambda v: rename(v["bios"], "lab-cpu", "x"),
        "bios.x",
        "'x'",
        "declared are: lab-cpu",
    ),
    (
        "a-component-twice",
        lambda v: v["firmware"]["lab-cpu"].append(v["firmware"]["lab-cpu"][0]),
        "firmware.lab-cpu[2].component",
        "'BIOS'",
        "one entry for each component",
    ),
    (
        "a-rack-name-twice",
        lambda v: v["racks"].append({"name": "r1", "units": 10, "slots": []}),
        "racks[1].name",
        "'r1'",
        "a name of its own",
    ),
    ("no-slots", lambda v: v.update(racks=[]), "racks", "no slots", "at least one slot"),
    (
        "a-choice-misspelt",
        lambda v: v.update(boot_policy="memry"),
        "boot_policy",
        "'memry'",
        "did you mean `memory`? choose one of: memory, disk",
    ),
    (
        "two-phases",
        lambda v: v["feeds"]["a"].update(phases=2),
        "feeds.a.phases",
        "2",
        "choose one of: 1, 3",
    ),
    (
        "a-bad-name",
        lambda v: v.update(name="Lab 4"),
        "name",
        "'Lab 4'",
        "lower-case letters",
    ),
    (
        "a-version-of-words",
        lambda v: v.update(version="new"),
        "version",
        "'new'",
        "up to three numbers",
    ),
    (
        "a-short-digest",
        lambda v: v["firmware"]["lab-cpu"][0].update(sha256="abc"),
        "firmware.lab-cpu[0].sha256",
        "'abc'",
        "64 lower-case hexadecimal digits",
    ),
    (
        "an-image-outside-the-folder",
        lambda v: v["firmware"]["lab-cpu"][0].update(image="../../etc/passwd"),
        "firmware.lab-cpu[0].image",
        "'../../etc/passwd'",
        "plain file name",
    ),
    (
        "a-bios-value-of-nothing",
        lambda v: v["bios"]["lab-cpu"].update(BootMode=None),
        "bios.lab-cpu.BootMode",
        "None",
        "give one value",
    ),
    (
        "a-fraction-of-a-watt",
        lambda v: host_type(v)["power"].update(nameplate_watts=700.5),
        "host_types.lab-cpu.power.nameplate_watts",
        "700.5",
        "whole number",
    ),
    (
        "a-negative-count",
        lambda v: host_type(v)["drives"].update(count=-1),
        "host_types.lab-cpu.drives.count",
        "-1",
        "give at least 0",
    ),
    (
        "a-limit-above-one",
        lambda v: v["feeds"]["a"].update(continuous_limit=80),
        "feeds.a.continuous_limit",
        "80",
        "give at most 1",
    ),
    (
        "no-watts",
        lambda v: host_type(v)["power"].update(typical_watts=0),
        "host_types.lab-cpu.power.typical_watts",
        "0",
        "give more than 0 watts",
    ),
    (
        "a-mapping-for-a-list",
        lambda v: v.update(racks={}),
        "racks",
        "{}",
        "give a list",
    ),
    (
        "a-field-that-nothing-resembles",
        lambda v: v["feeds"]["a"].update(zzz=1),
        "feeds.a.zzz",
        "1",
        "the fields here are: rated_amps, volts, phases, continuous_limit",
    ),
    (
        "a-field-inside-a-list",
        lambda v: slot(v, 0).update(hosttype="x"),
        "racks[0].slots[0].hosttype",
        "'x'",
        "did you mean `host_type`?",
    ),
    (
        "a-field-of-an-optional-part",
        lambda v: host_type(v)["accelerators"].update(memory_gb=1),
        "host_types.lab-cpu.accelerators.memory_gb",
        "1",
        "did you mean `memory_gib`",
    ),
    (
        "an-unreadable-unit",
        lambda v: host_type(v)["power"].update(inrush_s="soon"),
        "host_types.lab-cpu.power.inrush_s",
        "'soon'",
        "give seconds as a number without a unit",
    ),
    (
        "terminal-escapes",
        lambda v: v.update(description="\x1b[2J"),
        "description",
        "'\\x1b[2J'",
        "printable characters",
    ),
]


@pytest.mark.parametrize(
    ("change", "path", "value", "hint"), [case[1:] for case in WRONG], ids=[c[0] for c in WRONG]
)
def test_a_wrong_spec_is_told_by_path_value_and_hint(
    lab_value: dict[str, Any], change: Change, path: str, value: str, hint: str
) -> None:
    change(lab_value)
    (error,) = errors_of(lab_value)
    assert (error.path, error.value) == (path, value)
    assert hint in error.hint


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda v: host_type(v)["power"].update(inrush_watts=10**400), "power.inrush_watts"),
        (lambda v: host_type(v).update(weight_kg=1e308), "weight_kg"),
        (lambda v: v["feeds"]["a"].update(rated_amps=1e-300, continuous_limit=1e-300), "a.rated"),
        (lambda v: v["bios"]["lab-cpu"].update(Cores=-(10**16)), "bios.lab-cpu.Cores"),
    ],
)
def test_a_figure_that_no_arithmetic_could_hold_is_refused_before_any(
    lab_value: dict[str, Any], change: Change, path: str
) -> None:
    change(lab_value)
    first = errors_of(lab_value)[0]
    assert path in first.path
    assert first.message.startswith("no figure of a pod is as ")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda v: v.update(kind=["pod"]), "kind"),
        (lambda v: (v.update(rack_types={}), v["racks"][0].update(type=["r"])), "racks[0].type"),
        (lambda v: v.update(sources={"racks[²]": {"source": "x"}}), "sources.racks[²]"),
        (
            lambda v: v.update(sources={f"racks[{'9' * 5000}]": {"source": "x"}}),
            "sources.racks[9999",
        ),
    ],
)
def test_what_stands_where_text_is_asked_is_named_and_breaks_nothing(
    lab_value: dict[str, Any], change: Change, path: str
) -> None:
    change(lab_value)
    assert errors_of(lab_value)[0].path.startswith(path)


def test_every_mistake_is_named_in_one_round(lab_value: dict[str, Any]) -> None:
    lab_value["boot_polcy"] = lab_value.pop("boot_policy")
    host_type(lab_value)["power"]["nameplate_watts"] = "700 W"
    slot(lab_value, 0)["unit"] = 0
    paths = {error.path for error in errors_of(lab_value)}
    assert paths == {
        "boot_polcy",
        "host_types.lab-cpu.power.nameplate_watts",
        "racks[0].slots[0].unit",
    }


def test_every_contradiction_is_named_in_one_round(lab_value: dict[str, Any]) -> None:
    slot(lab_value, 0).update(feed="b", host_type="other", unit=60)
    assert len(errors_of(lab_value)) == 3


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_a_document_that_is_no_mapping_is_told_so(value: object) -> None:
    (error,) = errors_of(value)
    assert "mapping" in error.message


def test_rendering_puts_the_hint_on_a_line_of_its_own(lab_value: dict[str, Any]) -> None:
    lab_value["boot_policy"] = "memry"
    (error,) = errors_of(lab_value)
    first, second = str(error).splitlines()
    assert first.startswith("boot_policy: ")
    assert first.endswith("(got 'memry')")
    assert second.startswith("hint: ")


def test_hostile_values_and_keys_are_cut_and_escaped() -> None:
    assert len(shown("x" * 10_000)) < 100
    assert len(shown(["x" * 10_000])) < 100
    assert "\x1b" not in shown("\x1b[31m")
    assert "\n" not in shown({"a\n": "\n"})
    assert "\x1b" not in path_text(("feeds", "\x1b[2J" * 100, 3))
    assert len(path_text(("k" * 100_000,))) < 100


def test_a_flood_of_mistakes_is_cut_in_the_message_and_kept_in_the_data(
    lab_value: dict[str, Any],
) -> None:
    lab_value |= {f"zz{n}": n for n in range(500)}
    with pytest.raises(SpecInvalid) as caught:
        check(lab_value)
    assert len(caught.value.errors) == 500
    assert str(caught.value).count("hint:") == ERRORS_SHOWN_MAX
    assert f"and {500 - ERRORS_SHOWN_MAX} more" in str(caught.value)


def test_the_lab_spec_read_from_a_file_is_the_shipped_one(tmp_path: Path) -> None:
    spec = catalogue.load("lab-4")
    path = tmp_path / "copy.yaml"
    path.write_text(yaml.safe_dump(spec.model_dump(mode="json")))
    assert catalogue.load(str(path)) == spec


def test_parsing_names_its_source(lab_value: dict[str, Any]) -> None:
    lab_value.pop("name")
    with pytest.raises(SpecInvalid, match=r"^pod\.yaml: 1 wrong"):
        parse_spec(yaml.safe_dump(lab_value).encode(), source="pod.yaml")
