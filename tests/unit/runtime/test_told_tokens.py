"""What a replica tells of its tokens is believed only as far as it can be true."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from inventory.clock import SystemClock
from inventory.model import UsageRecord
from runtime.completions import ChatRequest, Completions, _Count
from runtime.ledger import Entry, Ledger, entries_after
from runtime.upstreams import Upstreams

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REQUEST = ChatRequest(
    tenant="acme",
    key_id="k",
    model="smol",
    body={},
    stream=False,
    wants_usage=False,
    prompt_characters=40,
    started_at=NOON,
)


@pytest.mark.parametrize(
    ("usage", "metered"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 5}, (3, 5, False)),
        ({"prompt_tokens": 3}, (3, 0, False)),
        ({"prompt_tokens": 3, "completion_tokens": -5}, (10, 7, True)),
        ({"prompt_tokens": -(10**30), "completion_tokens": 5}, (10, 7, True)),
        ({"prompt_tokens": 3, "completion_tokens": 10**30}, (10, 7, True)),
        ({"prompt_tokens": 3, "completion_tokens": float("nan")}, (10, 7, True)),
        ({"prompt_tokens": "many", "completion_tokens": [5]}, (10, 7, True)),
        ([], (10, 7, True)),
        ({}, (10, 7, True)),
        (None, (10, 7, True)),
    ],
)
async def test_a_senseless_count_is_replaced_by_what_was_seen(
    tmp_path: Path, usage: Any, metered: tuple[int, int, bool]
) -> None:
    with Ledger(tmp_path) as ledger:
        completions = Completions(Upstreams(lambda: 0.0), ledger, SystemClock())
        completions._journal(REQUEST, _Count(usage=usage, pieces=7, begun=True))
        ((entry, _),) = entries_after(tmp_path)
    assert (entry.prompt_tokens, entry.completion_tokens, entry.estimated) == metered


@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
def test_no_record_holds_less_than_nothing(field: str) -> None:
    times = {"started_at": NOON, "ended_at": NOON}
    counts = {"prompt_tokens": 0, "completion_tokens": 0}
    entry: dict[str, Any] = {"id": "t", "tenant": "a", "key_id": "k", "model": "m", **times}
    with pytest.raises(ValidationError):
        Entry(**{**entry, **counts, field: -1})
    usage: dict[str, Any] = {"id": "t", "tenant": "a", "kind": "tokens", **times}
    for name in (field, "unit_seconds"):
        with pytest.raises(ValidationError):
            UsageRecord(**{**usage, name: -1})
