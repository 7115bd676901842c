"""What a host's certificate states is read once, and of the newest one only."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from inventory.model import CertificateRecord
from provisioning import wanted
from tests.make import NOW, make_facts
from tests.unit.provisioning.certified import envelope_about

STATED = wanted._stated


def paper(number: int, *, host: str = "h1") -> CertificateRecord:
    """The host's certificate of so many times ago."""
    return CertificateRecord(
        id=f"{host}-{number}",
        host_id=host,
        host=host,
        envelope=json.loads(envelope_about(make_facts()).to_bytes()),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
        simulated=True,
        facts_digest="",
    )


@pytest.fixture(autouse=True)
def _nothing_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "_stated_of", {})


def test_a_certificate_is_read_once() -> None:
    assert STATED(paper(1)) is STATED(paper(1)) is not None
    assert STATED(None) is None


def test_what_was_certified_before_is_forgotten() -> None:
    for number in range(50):
        STATED(paper(number))
    assert len(wanted._stated_of) == 1
    assert wanted._stated_of["h1"][0] == "h1-49"


def test_no_more_hosts_are_remembered_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "PREDICATES_KEPT", 3)
    for number in range(5):
        STATED(paper(1, host=f"h{number}"))
    assert list(wanted._stated_of) == ["h2", "h3", "h4"]
