"""What every Redfish service of the hall does with a request and a reply, BMC or not."""

from __future__ import annotations

import hashlib
import json
from email.utils import formatdate
from typing import Any

from aiohttp import web

from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.messages import error_body

Body = dict[str, Any]
BODY_LIMIT_BYTES = 256 * 1024
COMMON_HEADERS = {
    "OData-Version": "4.0",
    "Cache-Control": "no-cache",
    "Server": "podyard-simulator",
    "X-Content-Type-Options": "nosniff",
}


def reads(request: web.Request) -> bool:
    """Whether it changes nothing."""
    return request.method in {"GET", "HEAD"}


def normal(path: str) -> str:
    """Paths are the same with and without a slash at their end."""
    return path.rstrip("/") or "/"


def check_headers(request: web.Request) -> None:
    """Refuse another version of OData."""
    version = request.headers.get("OData-Version", "4.0")
    if version != "4.0":
        raise ActionRefused(412, "HeaderInvalid", "OData-Version")


def allow_methods(request: web.Request, methods: list[str]) -> None:
    """Refuse a method that the resource does not have."""
    if request.method not in methods:
        raise MethodRefused(methods)


class MethodRefused(ActionRefused):
    """A method that a resource does not have."""

    def __init__(self, methods: list[str]) -> None:
        super().__init__(405, "OperationNotAllowed")
        self.methods = methods


async def json_of(request: web.Request) -> Body:
    """The request's body, which must be one JSON object."""
    content = await request.read()
    if not content:
        if "/Actions/" in request.path:
            return {}
        raise ActionRefused(400, "MalformedJSON")
    if request.content_type != "application/json":
        raise ActionRefused(415, "HeaderInvalid", "Content-Type")
    try:
        found = json.loads(content)
    except ValueError as error:
        raise ActionRefused(400, "MalformedJSON") from error
    if not isinstance(found, dict):
        raise ActionRefused(400, "UnrecognizedRequestBody")
    return found


def etag_of(body: Body) -> str:
    """A strong tag over the resource as it is read."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return f'"{digest}"'


def check_match(request: web.Request, body: Body) -> None:
    """Refuse a change of what is not any more as its sender read it."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag_of(body) not in [tag.strip() for tag in wanted.split(",")]:
        raise ActionRefused(412, "PreconditionFailed")


def refusal(refused: ActionRefused) -> Answer:
    """What a refusal is answered with."""
    headers = {}
    if refused.status == 401:  # noqa: PLR2004 - HTTP
        headers["WWW-Authenticate"] = 'Basic realm="Redfish"'
    if refused.status == 503:  # noqa: PLR2004 - HTTP
        headers["Retry-After"] = "5"
    if isinstance(refused, MethodRefused):
        headers["Allow"] = ", ".join(refused.methods)
    body = error_body(refused.message_id, *refused.arguments, target=refused.target)
    return Answer(status=refused.status, body=body, headers=headers)


def respond(
    request: web.Request, reply: Answer, *, dated: float | None = None
) -> web.StreamResponse:
    """The reply, with its tag and what describes it; `dated` where the sender has a clock."""
    headers = COMMON_HEADERS | reply.headers
    if dated is not None:
        headers["Date"] = formatdate(dated, usegmt=True)
    body = reply.body
    if body is None:
        return web.Response(status=reply.status, headers=headers)
    if "" in body:
        return web.Response(text=body[""], headers=headers, content_type="application/xml")
    if "@odata.id" in body:
        tag = etag_of(body)
        headers["ETag"] = tag
        headers["Link"] = _described_by(body)
        if request.method == "GET" and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        body = {**body, "@odata.etag": tag}
    return web.json_response(body, status=reply.status, headers=headers)


def _described_by(body: Body) -> str:
    schema = str(body.get("@odata.type", "#Message")).removeprefix("#").rpartition(".")[0]
    return f"<http://redfish.dmtf.org/schemas/v1/{schema}.json>; rel=describedby"
