"""What comes of each item of a write: done, left as it was, or refused and why.

One that is wrong ends the whole request unless it said `atomic=false`; all that is wrong is told at
once, each by the place of its item, so that a list is corrected in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError

from inventory.model import Record
from inventory.refusals import OtherProblem, Refused
from inventory.resources.recording import Deed
from inventory.store.outline import Row

OTHERS_MAX = 200
"""Problems that one refusal tells beside the first."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one item: the state it has now, and whether it was there before."""

    record: Record | None
    row: Row
    new: bool = False
    changed: bool = True


Outcome = Written | Refused
Planned = Deed | Refused | Written


class Mode(StrEnum):
    """How many records a request is about, and what one that is wrong means for the others."""

    ONE = "one"
    ALL = "all"
    """All or none."""
    EACH = "each"
    """Each by itself, with a status of its own."""


def wrong(path: str, value: str, message: str, hint: str) -> Refused:
    """422 for one item."""
    return Refused(422, "invalid", message, path=path, value=value[:80], hint=hint)


def refuse_any(planned: Sequence[object], mode: Mode) -> None:
    """Refuse the whole request for what is wrong with any of it; a path begins with the index."""
    wrong = [(index, one) for index, one in enumerate(planned) if isinstance(one, Refused)]
    if not wrong:
        return
    if mode is Mode.ONE:
        raise wrong[0][1]
    problems = [problem for index, one in wrong for problem in _indexed(index, one)]
    first, *rest = problems
    statuses = {one.status for _, one in wrong}
    worst = wrong[0][1]
    raise Refused(
        statuses.pop() if len(statuses) == 1 else 422,
        worst.body.kind,
        f"{len(wrong)} of {len(planned)} items are refused, so none was written: {first.message}",
        path=first.path,
        value=first.value,
        existing=worst.body.existing,
        hint=f"{first.hint}; or let each count by itself with ?atomic=false",
        others=rest[:OTHERS_MAX],
    )


def _indexed(index: int, refused: Refused) -> list[OtherProblem]:
    body = refused.body
    first = OtherProblem(
        path=f"{index}.{body.path or ''}".rstrip("."),
        value=body.value or "",
        message=body.message,
        hint=body.hint,
    )
    return [
        first,
        *(o.model_copy(update={"path": f"{index}.{o.path}"}) for o in body.others or ()),
    ]


def refused_body(error: ValidationError, kind: type[BaseModel]) -> Refused:
    """All that is wrong with one item, with the fields that there are."""
    problems = [
        OtherProblem(
            path=".".join(str(part) for part in detail["loc"]),
            value="" if detail["type"] == "missing" else _short(detail.get("input")),
            message=str(detail["msg"]),
            hint=_hint(detail["type"], kind),
        )
        for detail in error.errors(include_url=False, include_context=False)
    ]
    first, *rest = problems
    return Refused(
        422,
        "invalid",
        first.message,
        path=first.path,
        value=first.value,
        hint=first.hint,
        others=rest[:50],
    )


def _hint(what: str, kind: type[BaseModel]) -> str:
    match what:
        case "missing":
            return "this field is required"
        case "extra_forbidden":
            return f"valid fields: {', '.join(sorted(kind.model_fields))}"
        case _:
            return "correct the value; /api/openapi.json says what is accepted"


def _short(value: Any) -> str:
    return "" if isinstance(value, dict | list | tuple) else str(value)[:80]
