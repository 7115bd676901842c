"""A process that no signal reaches does not hold the guard for ever."""

from __future__ import annotations

import itertools

import pytest

from runtime import guard


def test_what_sigkill_does_not_end_is_named_and_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = itertools.count(0.0, 1.0)
    looks = itertools.count(1)
    signalled: list[set[int]] = []

    def stuck(_root: int, _parent_of: dict[int, int]) -> set[int]:
        assert next(looks) < 100, "the guard waits without a deadline"
        return {4242}

    monkeypatch.setattr(guard, "descendants", stuck)
    monkeypatch.setattr(guard, "_signal_all", lambda pids, _signal: signalled.append(pids))
    monkeypatch.setattr(guard, "_reap", lambda _child: None)
    monkeypatch.setattr(guard.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(guard.time, "sleep", lambda _s: None)

    guard._kill_descendants()

    assert signalled
    assert "4242" in capsys.readouterr().err
