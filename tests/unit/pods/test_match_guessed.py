"""What a spec only guesses parks no host, and what a vendor rounds up is no missing memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pods import catalogue
from pods.facts import AcceleratorFact, DriveFact, HardwareFacts, MemoryModuleFact, ProcessorFact
from pods.match import Mismatch, critical, match
from pods.match_guessed import designed
from pods.part import Source
from pods.spec import HostType, PodSpec

MakeFacts = Callable[..., HardwareFacts]
GUESS = Source(source="stand-in", uncertain=True)
OTHERS: dict[str, dict[str, Any]] = {
    "processors": {"processors": (ProcessorFact(slot="C.1", model="Other", cores=4, threads=8),)},
    "memory": {"memory": (MemoryModuleFact(slot="DIMM.1", capacity_gib=8),)},
    "drives": {"drives": (DriveFact(slot="Bay.1", model="D", capacity_gib=240),)},
}


def found(host_type: HostType, facts: HardwareFacts) -> tuple[Mismatch, ...]:
    return tuple(one for one in match(host_type, facts) if one.effect != "notes")


@pytest.mark.parametrize("part", OTHERS)
def test_what_differs_from_a_guess_warns_and_says_that_it_is_one(
    lab: PodSpec, make_facts: MakeFacts, part: str
) -> None:
    certain = lab.host_types["lab-cpu"]
    guessed = certain.model_copy(update={"sources": {part: GUESS}})
    facts = make_facts(**OTHERS[part])
    assert critical(match(certain, facts))
    assert {one.effect for one in found(guessed, facts)} == {"warns"}
    assert all("only a guess" in one.meaning for one in found(guessed, facts))


def test_a_guess_about_one_figure_excuses_no_other(lab: PodSpec, make_facts: MakeFacts) -> None:
    guessed = lab.host_types["lab-cpu"].model_copy(update={"sources": {"processors.cores": GUESS}})
    facts = make_facts(**OTHERS["processors"])
    effects = {one.path.rpartition(".")[2]: one.effect for one in found(guessed, facts)}
    assert effects == {"model": "blocks", "cores": "warns"}


@pytest.mark.parametrize(
    ("path", "figure"),
    [
        ("memory.modules", "memory.modules"),
        ("memory.DIMM.1.capacity_gib", "memory.module_gib"),
        ("processors.CPU0.cores", "processors.cores"),
        ("power_supplies.PSU 3.capacity_watts", "psus.capacity_watts"),
        ("manufacturer", "manufacturer"),
    ],
)
def test_a_finding_leads_to_its_figure_whatever_the_slot_is_called(path: str, figure: str) -> None:
    assert designed(path) == figure


SHOWN = {80: 79, 141: 140, 192: 179, 288: 268, 48: 44, 24: 22, 16: 15}
"""Nominal GB to the whole GiB that a driver shows of a part with nothing missing."""


@pytest.mark.parametrize(("nominal", "shown"), SHOWN.items())
def test_memory_that_a_vendor_rounds_up_is_not_missing(
    lab: PodSpec, make_facts: MakeFacts, nominal: int, shown: int
) -> None:
    host_type = lab.host_types["lab-cpu"]
    assert host_type.accelerators is not None
    wanted = host_type.accelerators.model_copy(update={"memory_gib": nominal})
    host_type = host_type.model_copy(update={"accelerators": wanted})

    def with_gib(gib: int) -> HardwareFacts:
        gpu = AcceleratorFact(slot="GPU.1", model="Lab Accelerator", memory_gib=gib)
        return make_facts(accelerators=(gpu,))

    assert match(host_type, with_gib(shown)) == ()
    a_stack_less = nominal * 7 // 8
    assert critical(match(host_type, with_gib(a_stack_less)))


def test_a_module_that_shows_a_little_less_is_the_designed_one(
    lab: PodSpec, make_facts: MakeFacts
) -> None:
    modules = [MemoryModuleFact(slot=f"DIMM.{n}", capacity_gib=15) for n in range(1, 5)]
    assert match(lab.host_types["lab-cpu"], make_facts(memory=tuple(modules))) == ()


def test_no_shipped_stand_in_can_park_a_host(make_facts: MakeFacts) -> None:
    """The tray's processor is a stand-in: another one is told, and goes on."""
    (host_type,) = catalogue.load("hgx-b300-8").host_types.values()
    assert host_type.is_uncertain("processors.model")
    paths = {one.path for one in critical(match(host_type, make_facts()))}
    assert not any(path.startswith("processors") for path in paths)
