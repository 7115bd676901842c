"""The one shape in which every door says no.

`{"error": {"kind", "message", "hint", "path"?, "value"?, "others"?}}`: the kind is for programs,
the message names the thing, the hint says what to do. Nothing internal ever stands in one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from inventory.errors import (
    Conflict,
    Invalid,
    InventoryError,
    NotFound,
    StaleWrite,
    StoreUnavailable,
)
from pods.errors import PlanError, PodsError, SpecInvalid, shown

log = logging.getLogger("podyard.api")


class OtherProblem(BaseModel):
    """A further thing wrong in the same request."""

    model_config = ConfigDict(frozen=True)

    path: str
    value: str = ""
    message: str
    hint: str


class ErrorBody(BaseModel):
    """Why a request was refused."""

    model_config = ConfigDict(frozen=True)

    kind: str
    message: str
    hint: str
    path: str | None = None
    value: str | None = None
    existing: str | None = None
    """The id of what stands in the way, where that is a record."""
    others: tuple[OtherProblem, ...] | None = None


class ErrorReply(BaseModel):
    """The body of every answer that is not a success."""

    model_config = ConfigDict(frozen=True)

    error: ErrorBody


class Refused(Exception):
    """A request that a route refuses, as it will be answered."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        hint: str,
        path: str | None = None,
        value: str | None = None,
        existing: str | None = None,
        others: Sequence[OtherProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = ErrorBody(
            kind=kind,
            message=message,
            hint=hint,
            path=path,
            value=value,
            existing=existing,
            others=tuple(others) or None,
        )


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorReply, "description": "Refused: what is wrong and what to do"},
    "5XX": {"model": ErrorReply, "description": "Not answered: send it again later"},
}
"""For `responses=` of every route: the document says how a refusal looks."""
ERRORS_AS_JSON: dict[int | str, dict[str, Any]] = {
    status: {
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ErrorReply"}},
        },
        "description": told["description"],
    }
    for status, told in ERRORS.items()
}
"""The same for a route whose own answers are no JSON: its refusals still are."""


def install(app: FastAPI) -> None:
    """Answer every error of this app in the one shape."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, no_route)
    app.add_exception_handler(InventoryError, _inventory)
    app.add_exception_handler(PodsError, _pods)
    app.add_exception_handler(Exception, _defect)


def answer(status: int, body: ErrorBody, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response for an error."""
    return JSONResponse(
        ErrorReply(error=body).model_dump(mode="json", exclude_none=True),
        status,
        {**_ALWAYS_TOLD.get(status, {}), **(headers or {})},
    )


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Refused):
        raise error
    return answer(error.status, error.body, error.headers)


async def _inventory(_request: Request, error: Exception) -> JSONResponse:
    status, kind = _STATUS.get(type(error), (500, "internal"))
    hint = getattr(error, "hint", "") or _HINTS.get(kind, "")
    if status == 500:  # noqa: PLR2004 - HTTP's
        log.error("a request failed", exc_info=error)
        return answer(500, _DEFECT)
    return answer(status, ErrorBody(kind=kind, message=str(error), hint=hint))


_ALWAYS_TOLD = {
    401: {"WWW-Authenticate": "Bearer"},
    503: {"Retry-After": "5"},  # a database that restarts is back within 1 to 5 s
}
_STATUS: dict[type[Exception], tuple[int, str]] = {
    NotFound: (404, "not-found"),
    Conflict: (409, "conflict"),
    StaleWrite: (409, "changed-meanwhile"),
    Invalid: (422, "invalid"),
    StoreUnavailable: (503, "store-unavailable"),
}
_HINTS = {
    "not-found": "list what exists, and check the spelling",
    "conflict": "choose another name, or use what exists",
    "changed-meanwhile": "send the request again",
    "invalid": "correct the value and send the request again",
    "store-unavailable": "wait, then send the request again: nothing was written",
}


async def _pods(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, SpecInvalid) and error.errors:
        first, *rest = error.errors
        return answer(
            422,
            ErrorBody(
                kind="spec-invalid",
                message=first.message,
                hint=first.hint,
                path=f"spec.{first.path}" if first.path else "spec",
                value=first.value,
                others=tuple(
                    OtherProblem(path=o.path, value=o.value, message=o.message, hint=o.hint)
                    for o in rest[:50]
                )
                or None,
            ),
        )
    kind = "plan" if isinstance(error, PlanError) else "invalid"
    hint = getattr(error, "hint", "") or _HINTS["invalid"]
    status = 409 if isinstance(error, PlanError) else 422
    return answer(status, ErrorBody(kind=kind, message=str(error), hint=hint))


async def no_route(_request: Request, error: Exception) -> JSONResponse:
    """No such path, or not by this method."""
    if not isinstance(error, HTTPException):
        raise error
    kinds = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
    return answer(
        error.status_code,
        ErrorBody(
            kind=kinds.get(error.status_code, "refused"),
            message=str(error.detail),
            hint="see /api/openapi.json for the paths and methods that exist",
        ),
    )


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [_problem(request, detail) for detail in error.errors()]
    first, *rest = problems
    return answer(
        422,
        ErrorBody(
            kind="invalid",
            message=first.message,
            hint=first.hint,
            path=first.path,
            value=first.value,
            others=tuple(rest[:50]) or None,
        ),
    )


def _problem(request: Request, detail: dict[str, Any]) -> OtherProblem:
    location = [part for part in detail["loc"] if part not in {"body", "query", "path", "header"}]
    return OtherProblem(
        path=".".join(str(part) for part in location),
        value=_value(detail),
        message=str(detail["msg"]),
        hint=_hint(request, detail, location),
    )


def _value(detail: dict[str, Any]) -> str:
    """What was sent there; never what may be, or may hold, a secret."""
    sent = detail.get("input")
    misspelt = detail["type"] in {"missing", "extra_forbidden"}
    if misspelt or any("password" in str(part) for part in detail["loc"]):
        return ""
    return "" if isinstance(sent, dict | list | tuple) and sent else shown(sent)


def _hint(request: Request, detail: dict[str, Any], location: list[int | str]) -> str:
    match detail["type"]:
        case "missing":
            return "this field is required"
        case "extra_forbidden":
            known = _fields_at(request, location[:-1])
            return f"valid fields: {', '.join(known)}" if known else "remove this field"
        case "json_invalid":
            return "send one JSON document, UTF-8"
        case _:
            return "correct the value; /api/openapi.json says what is accepted"


def _fields_at(request: Request, location: Sequence[int | str]) -> list[str]:
    """The fields of the body model at a place."""
    body = getattr(request.scope.get("route"), "body_field", None)
    kind: Any = getattr(getattr(body, "field_info", None), "annotation", None)
    for step in location:
        if isinstance(step, int):
            kind = next(iter(getattr(kind, "__args__", ())), None)
        else:
            field = getattr(kind, "model_fields", {}).get(step)
            kind = field.annotation if field else None
    return sorted(getattr(kind, "model_fields", {}))


_DEFECT = ErrorBody(
    kind="internal",
    message="the service could not answer this; the cause is in its log",
    hint="send the request again; report it with the log when it stays",
)


async def _defect(_request: Request, _error: Exception) -> JSONResponse:
    return answer(500, _DEFECT)
