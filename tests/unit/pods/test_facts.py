"""The digest that a certificate is bound to: it moves with the parts and with nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import Field

from pods.canonical import digest_of
from pods.facts import AcceleratorFact, DriveFact, HardwareFacts, NicFact

MakeFacts = Callable[..., HardwareFacts]

BARE = {"manufacturer": "Podyard", "model": "Lab Host 1", "serial": "S1", "uuid": "u1"}


class LaterDrive(DriveFact):
    """A drive as a later podyard may describe it."""

    colour: str = ""
    ports: tuple[str, ...] = ()


class LaterFacts(HardwareFacts):
    """Facts as a later podyard may hold them."""

    drives: tuple[DriveFact, ...] = ()
    doors: int | None = None
    labels: dict[str, str] = Field(default_factory=dict)


def test_fields_that_a_later_version_adds_change_no_digest(make_facts: MakeFacts) -> None:
    now = make_facts()
    told = now.model_dump() | {"drives": ()}
    later = LaterFacts(
        **told | {"drives": tuple(LaterDrive(**one.model_dump()) for one in now.drives)}
    )
    assert later.digest() == now.digest()
    assert later.model_copy(update={"doors": 2}).digest() != now.digest()


def test_the_digest_of_facts_with_nothing_optional_is_that_of_their_identity() -> None:
    facts = HardwareFacts(observed_at=datetime(2026, 1, 1, tzinfo=UTC), source="recorded", **BARE)
    assert facts.digest() == digest_of(BARE)


def test_facts_that_were_kept_have_the_digest_of_the_facts(make_facts: MakeFacts) -> None:
    facts = make_facts()
    kept = json.loads(facts.model_dump_json())
    assert HardwareFacts.model_validate(kept).digest() == facts.digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"observed_at": datetime(2027, 1, 1, tzinfo=UTC)},
        {"source": "agent"},
    ],
)
def test_when_and_how_it_was_looked_at_is_not_in_the_digest(
    make_facts: MakeFacts, changes: dict[str, Any]
) -> None:
    assert make_facts(**changes).digest() == make_facts().digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": "LAB0002"},
        {"firmware": {"BIOS": "2.4.2", "BMC": "1.8.0"}},
        {"bios": {"BootMode": "Uefi"}},
        {"accelerators": (AcceleratorFact(slot="GPU.1", model="Lab", memory_gib=16, serial="x"),)},
        {"nics": (NicFact(slot="NIC.1", mac="02:00:00:00:00:09"),)},
        {"memory": ()},
    ],
)
def test_every_other_part_is_in_the_digest(make_facts: MakeFacts, changes: dict[str, Any]) -> None:
    assert make_facts(**changes).digest() != make_facts().digest()
