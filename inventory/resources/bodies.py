"""Bodies of requests: JSON that both databases can hold, and no deeper or longer than it may be."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from inventory.refusals import Refused

ITEMS_MAX = 5000
"""Items of one request: what 4 MiB of hosts hold."""
DEPTH_MAX = 64
"""Of a body: ours are four deep, and a parser's stack is not endless."""


def given_of(raw: bytes) -> Any:
    """A body as JSON that both databases can hold, or Refused."""
    try:
        found = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
        deep = _depth(found) > DEPTH_MAX
    except (ValueError, RecursionError) as error:
        raise _not_json(str(error)[:200]) from error
    if deep:
        raise _not_json(f"more than {DEPTH_MAX} levels deep")
    if b"\\u" in raw:
        _refuse_unstorable(found)
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    """`1e999` is JSON, and infinite: answered, it would be none."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text[:40]} is too large")
    return found


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        if deepest > DEPTH_MAX:
            return deepest
        level = [
            inner
            for one in level
            for inner in (
                one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
    return deepest


def _refuse_unstorable(value: Any) -> None:
    """No null character and no half of a surrogate pair: PostgreSQL takes neither."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_unstorable(name)
            _refuse_unstorable(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_unstorable(inner)
    elif isinstance(value, str) and not value.isascii() | ("\x00" in value):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _not_json("half of a surrogate pair") from error
    if isinstance(value, str) and "\x00" in value:
        raise _not_json("a null character in a text")


def _not_json(why: str) -> Refused:
    return Refused(
        422, "invalid", f"not a JSON document: {why}", hint="send one JSON document, UTF-8"
    )


Given = Mapping[str, Any]
Item = Given | Refused
"""One of a list: an object, or why it is none. It is refused at its own place in the list."""


def items_of(given: Any) -> Sequence[Item]:
    """The objects of a body that is one, or a list of them."""
    return list_of(given) if isinstance(given, list) else [object_of(given)]


def object_of(given: Any) -> Given:
    """The body that is one object."""
    if not isinstance(given, dict):
        raise _no_object(given)
    return given


def _no_object(given: Any) -> Refused:
    return Refused(
        422,
        "invalid",
        "not an object",
        value=json.dumps(given)[:80],
        hint="send an object with fields, in braces",
    )


def list_of(given: Any) -> Sequence[Item]:
    """The objects of a body that is a list of them."""
    if not isinstance(given, list) or not given:
        raise Refused(422, "invalid", "not a list of objects", hint="send a list of one or more")
    if len(given) > ITEMS_MAX:
        raise Refused(
            422,
            "invalid",
            f"{len(given)} items in one request",
            hint=f"send at most {ITEMS_MAX} at once",
        )
    return [one if isinstance(one, dict) else _no_object(one) for one in given]
