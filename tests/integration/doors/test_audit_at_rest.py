"""`podyard serve` keeps the head of its audit log when it stops, not only while it writes."""

from __future__ import annotations

import json
import signal

import pytest

from tests.bed import bed

pytestmark = pytest.mark.integration


def test_a_clean_stop_keeps_the_head_of_the_log() -> None:
    with bed() as made:
        process = made.start_service()
        made.login()
        for name in ("acme", "beta", "gamma"):
            assert made.call("POST", "/api/tenants", {"name": name}).is_success
        last = made.get("/api/audit?newest=true&limit=1")["last"]
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        kept = json.loads((made.directory / "service" / "audit-anchor.json").read_text())
        assert kept["seq"] == last == 4
