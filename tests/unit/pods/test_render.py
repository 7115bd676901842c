"""What a person sees of a plan: within 80 columns, destructive work named, long plans cut."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console, RenderableType

from pods.facts import HardwareFacts, MemoryModuleFact
from pods.plan import EnvelopeStep, FeedEnvelope, PlannedHost, plan_bring_up
from pods.plan_text import STEPS_SHOWN_MAX, render_envelope, render_plan
from pods.spec import PodSpec

MakeFacts = Callable[..., HardwareFacts]


def text_of(renderable: RenderableType, *, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(renderable)
    return out.getvalue()


def test_destructive_acts_and_parked_hosts_are_named(lab: PodSpec, make_facts: MakeFacts) -> None:
    behind = make_facts(firmware={"BIOS": "2.3.0", "BMC": "1.8.0"})
    memory = tuple(MemoryModuleFact(slot=f"DIMM.{n}", capacity_gib=16) for n in (1, 2, 4))
    hosts = [
        PlannedHost(name="lab-r1-h1", slot="r1-h1", facts=behind),
        PlannedHost(name="lab-r1-h2", slot="r1-h2", facts=make_facts(memory=memory)),
    ]
    text = text_of(render_plan(plan_bring_up(lab, pod="lab", hosts=hosts)))
    assert "firmware_update BIOS 2.3.0 → 2.4.1" in text
    assert "parked lab-r1-h2" in text
    assert "slot DIMM.3" in text
    assert "not inspected yet" not in text


def test_a_plan_that_starts_nobody_says_so_and_why(lab: PodSpec, make_facts: MakeFacts) -> None:
    short = make_facts(memory=(MemoryModuleFact(slot="DIMM.1", capacity_gib=16),))
    hosts = [PlannedHost(name="lab-r1-h1", slot="r1-h1", facts=short)]
    text = text_of(render_plan(plan_bring_up(lab, pod="lab", hosts=hosts)))
    assert "no wave: none of the hosts can be started" in text
    assert "parked lab-r1-h1" in text


def test_markup_in_a_hosts_name_is_shown_not_obeyed(lab: PodSpec) -> None:
    hosts = [PlannedHost(name="[red]h[/red]", slot="r1-h1")]
    text = text_of(render_plan(plan_bring_up(lab, pod="lab", hosts=hosts)))
    assert "[red]h[/red]" in text


def test_many_hosts_in_a_wave_are_counted(lab: PodSpec) -> None:
    value = lab.model_dump(mode="json")
    value["feeds"]["a"]["rated_amps"] = 1000.0
    value["racks"][0]["slots"] = [
        {"slot": f"s{n}", "unit": n, "host_type": "lab-cpu", "feed": "a"} for n in range(1, 31)
    ]
    spec = PodSpec.model_validate(value, strict=False)
    hosts = [PlannedHost(name=slot.slot, slot=slot.slot) for _, slot in spec.slots()]
    plan = render_plan(plan_bring_up(spec, pod="lab", hosts=hosts))
    assert "and 20 more" in text_of(plan, width=200)
    assert max(map(len, text_of(plan).splitlines())) <= 80


def test_acts_that_only_some_hosts_need_are_counted(lab: PodSpec) -> None:
    hosts = [
        PlannedHost(name=slot.slot, slot=slot.slot, powered=slot.slot == "r1-h2")
        for _, slot in lab.slots()
    ]
    text = text_of(render_plan(plan_bring_up(lab, pod="lab", hosts=hosts)))
    assert "power on x1" in text


def test_a_long_envelope_is_cut_and_a_full_one_stays_inside_its_frame() -> None:
    steps = tuple(EnvelopeStep(wave=n, phase="starting", watts=990.0) for n in range(40))
    feed = FeedEnvelope(feed="a", budget_watts=1000.0, peak_watts=990.0, steps=steps)
    text = text_of(render_envelope(feed))
    assert f"… {40 - STEPS_SHOWN_MAX} more" in text
    assert max(map(len, text.splitlines())) <= 80
