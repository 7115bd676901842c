"""The note that is counted up with a grant, so that two controllers cannot both give the last."""

from __future__ import annotations

NOTE_NAME_MAX = 64


def counter(what: str, of: str) -> str:
    """A note's name. Two that are cut to the same one only wait for each other."""
    return f"{what}/{of}"[:NOTE_NAME_MAX]
