"""What a BMC may say, and what becomes of the rest.

A BMC is a small, old, sometimes hostile computer. Everything it answers passes through here before
the driver sees it: bounded depth, JSON objects only, links only to itself, and text that can be
shown in a terminal and stored in a database without harm. Pure: no I/O.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from provisioning.errors import AnswerRefused

Json = dict[str, Any]

MAX_REPLY_BYTES = 8 * 1024 * 1024
"""The largest real resource seen (an expanded GB300 tree level) is about 1 MiB."""
MAX_DEPTH = 40
"""Real payloads nest about 10 deep; json itself gives up near 1,000."""
MAX_LINK_CHARS = 2000
MAX_TEXT_CHARS = 256

_CONTAINERS = frozenset({dict, list})
"""What JSON is parsed into, where it holds anything."""
_SEVERITIES = {"critical": 3, "warning": 2, "ok": 1}


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply with a success status."""

    path: str
    status: int
    body: Json
    etag: str | None = None
    location: str | None = None


def decode(raw: bytes, *, what: str) -> Json:
    """The JSON object in `raw`, or AnswerRefused."""
    try:
        document = json.loads(raw, parse_constant=_refuse_constant)
    except RecursionError:
        document = None
    except ValueError as error:
        raise AnswerRefused(f"{what}: the answer is not JSON ({type(error).__name__})") from None
    if document is None or (_may_be_deep(raw) and _deeper_than([document], MAX_DEPTH + 1)):
        raise AnswerRefused(f"{what}: the answer is nested more than {MAX_DEPTH} deep")
    if not isinstance(document, dict):
        raise AnswerRefused(f"{what}: the answer is not a JSON object")
    return document


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity are Python's extension; they would poison every sum they enter.
    raise ValueError(name)


def _may_be_deep(raw: bytes) -> bool:
    """Nothing is nested deeper than it has brackets; most replies have few."""
    return raw.count(b"{") + raw.count(b"[") > MAX_DEPTH


def _deeper_than(document: object, limit: int) -> bool:
    """Walk level by level, so that the walk itself cannot recurse."""
    level: list[Any] = [document]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def link(value: object) -> str:
    """A path on the same host under /redfish/, without its fragment; or AnswerRefused."""
    if not isinstance(value, str) or len(value) > MAX_LINK_CHARS:
        raise AnswerRefused("the answer has a link that is not a short string")
    path = value.partition("#")[0]
    lowered = path.lower()
    if (
        not path.startswith("/redfish/")
        or not path.isprintable()
        or "\\" in path
        or "//" in path
        or "%2e" in lowered
        or "/../" in f"{path.partition('?')[0]}/"
    ):
        raise AnswerRefused(f"the answer links outside of this BMC: {text(value)!r}")
    return path


def reference(body: Json, *names: str) -> str | None:
    """The link found by walking `names`, the body's own without any; None when there is none."""
    node: Any = body
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    if isinstance(node, list):
        node = node[0] if node else None
    if not isinstance(node, dict) or "@odata.id" not in node:
        return None
    return link(node["@odata.id"])


def action_target(resource: Json, name: str) -> str | None:
    """Where to POST the action `name`; None when the resource does not offer it."""
    target = mapping(mapping(resource.get("Actions")).get(name)).get("target")
    return link(target) if target else None


def mapping(value: object) -> Json:
    """`value` when it is an object, else an empty one: BMCs put null and strings anywhere."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Json]:
    """The objects in `value` when it is a list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Printable text of bounded length: no control characters, no lone surrogates."""
    if not isinstance(value, str):
        return ""
    shown = value[: 4 * MAX_TEXT_CHARS]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else " " for c in shown)
    return shown.strip()[:MAX_TEXT_CHARS]


def number(value: object) -> float | None:
    """A number that is one; booleans and numbers in strings are not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 2**63 else None


def worst_message(body: Json) -> tuple[str, str]:
    """The most severe extended message and its resolution as they came, for `text` to clean."""
    error = mapping(body.get("error"))
    messages = items(error.get("@Message.ExtendedInfo")) or items(body.get("Messages"))
    messages = messages or items(body.get("@Message.ExtendedInfo"))
    if not messages:
        return _string(error.get("message")), ""
    worst = max(messages, key=_severity)
    said = next(
        filter(None, map(_string, (worst.get("Message"), error.get("message")))),
        _string(worst.get("MessageId")),
    )
    return said, _string(worst.get("Resolution"))


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def message_ids(body: Json) -> set[str]:
    """The last part of every message id: `SessionLimitExceeded` and the like."""
    error = mapping(body.get("error"))
    entries = items(error.get("@Message.ExtendedInfo")) + items(body.get("@Message.ExtendedInfo"))
    named = [text(entry.get("MessageId")) for entry in entries] + [text(error.get("code"))]
    return {name.rpartition(".")[2] for name in named if name}


def _severity(message: Json) -> int:
    said = text(message.get("MessageSeverity")) or text(message.get("Severity"))
    return _SEVERITIES.get(said.lower(), 0)


_ABSOLUTE = re.compile(r"https?://[^/?#]+", re.IGNORECASE)


def location_path(value: str | None, *, base_url: str) -> str | None:
    """A Location header as a path; absolute ones must name this very origin."""
    if not value:
        return None
    match = _ABSOLUTE.match(value)
    if match is None:
        return link(value)
    if match.group(0).lower() != base_url.lower():
        raise AnswerRefused(f"the answer points to another host: {text(value)!r}")
    return link(value[match.end() :])
