"""A digest is worked out once for a document, and never outlives what it was worked out of."""

from __future__ import annotations

import pytest

from pods import catalogue
from pods.match import match
from pods.spec import PodSpec
from tests.make import make_facts


def test_the_digest_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = catalogue.load("lab-4")
    first = spec.digest()
    monkeypatch.setattr(PodSpec, "document", lambda _self: pytest.fail("worked out again"))
    assert spec.digest() == first


def test_a_copy_with_another_field_has_a_digest_of_its_own() -> None:
    spec, facts = catalogue.load("lab-4"), make_facts()
    assert spec.digest() != spec.model_copy(update={"description": "another"}).digest()
    assert facts.digest() != facts.model_copy(update={"serial": "another"}).digest()


def test_what_was_worked_out_is_no_part_of_the_document() -> None:
    facts, same = make_facts(), make_facts()
    host_type = catalogue.load("lab-4").host_types["lab-cpu"]
    before = facts.model_dump_json()
    facts.digest()
    match(host_type, facts)
    assert facts == same
    assert facts.model_dump_json() == before
    assert "_" not in {name[0] for name in facts.model_dump()}


def test_facts_are_compared_anew_with_another_host_type() -> None:
    facts = make_facts()
    host_type = catalogue.load("lab-4").host_types["lab-cpu"]
    other = host_type.model_copy(update={"model": "Another Host"})
    assert {one.path for one in match(other, facts)} - {one.path for one in match(host_type, facts)}
    assert match(host_type, facts) == match(host_type, make_facts())
