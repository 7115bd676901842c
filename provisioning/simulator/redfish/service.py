"""The HTTPS side of one BMC: who may ask, and what is answered. `spoiling` is how it fails."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import delivering, eventing, odata, pushing
from provisioning.simulator.redfish.answer import Answer, Change
from provisioning.simulator.redfish.changes import (
    DELETABLE,
    delete,
    patch_account,
    patches,
    posts,
)
from provisioning.simulator.redfish.messages import error_body
from provisioning.simulator.redfish.queries import apply_query
from provisioning.simulator.redfish.resource import ACCOUNTS, ROOT, SESSIONS, TASK_MONITORS
from provisioning.simulator.redfish.sessions import ROLES as ROLE_PRIVILEGES
from provisioning.simulator.redfish.sessions import basic_credentials, login
from provisioning.simulator.redfish.spoiling import Dropped, Spoiler
from provisioning.simulator.redfish.tree import Tree
from provisioning.simulator.state import Account

Body = dict[str, Any]
PUBLIC = frozenset({"/redfish", ROOT, f"{ROOT}/odata", f"{ROOT}/$metadata"})
BODY_LIMIT_BYTES = 256 * 1024
COMMON_HEADERS = {
    "OData-Version": "4.0",
    "Cache-Control": "no-cache",
    "Server": "podyard-simulator",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class RedfishService:
    """One BMC's service."""

    bmc: SimulatedBmc
    tree: Tree = field(init=False)
    spoiler: Spoiler = field(init=False)
    posts: dict[str, Change] = field(init=False)
    patches: dict[str, Change] = field(init=False)

    def __post_init__(self) -> None:
        """Build the paths."""
        self.tree, self.spoiler = Tree(self.bmc), Spoiler(self.bmc)
        self.posts, self.patches = posts(self.bmc), patches(self.bmc)

    def application(self) -> web.Application:
        """An application that hands every request to `answer`."""
        application = web.Application(client_max_size=BODY_LIMIT_BYTES)
        application.router.add_route("*", "/{path:.*}", self.answer)
        application.on_startup.append(self._resume)
        return application

    async def _resume(self, _application: web.Application) -> None:
        eventing.resume(self.bmc)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request, from authentication to a reply that may never come."""
        path = _normal(request.path)
        try:
            async with self.spoiler.receiving(request):
                return await self._answer(request, path)
        except Dropped:
            # Written to a connection that is gone.
            return web.Response(status=500)
        except ActionRefused as refused:
            return _respond(request, _refusal(refused))

    async def _answer(self, request: web.Request, path: str) -> web.StreamResponse:
        account = self._authenticate(request, path)
        changes = not _reads(request) and path != SESSIONS
        if changes:
            await self.spoiler.before_change(request, path)
        elif _reads(request) and (spoiled := await self.spoiler.read(request, path)) is not None:
            return spoiled
        if path == eventing.STREAM and request.method == "GET" and eventing.streams(self.bmc):
            return await delivering.stream(self.bmc, request)
        reply = await self._dispatch(request, path, account)
        if changes:
            reply = await self.spoiler.after_change(request, path, reply)
        return _respond(request, reply, dated=self.bmc.clock)

    # Who asks.

    def _authenticate(self, request: web.Request, path: str) -> Account | None:
        """The account that asks; None where anybody may."""
        if path in PUBLIC and request.method in {"GET", "HEAD"}:
            return None
        if path in {SESSIONS, f"{SESSIONS}/Members"} and request.method == "POST":
            return None
        account = self._account(request)
        if account is None:
            raise ActionRefused(401, "NoValidSession")
        return account

    def _account(self, request: web.Request) -> Account | None:
        token = request.headers.get("X-Auth-Token")
        state = self.bmc.host.state
        if token is not None:
            session = self.bmc.sessions.by_token(token)
            if session is None:
                return None
            if self.bmc.host.faults.fires("session-drop"):
                self.bmc.sessions.close(session.number)
                return None
            names = (account for account in state.accounts if account.username == session.username)
            return next(names, None)
        credentials = basic_credentials(request.headers.get("Authorization", ""))
        return None if credentials is None else login(state, *credentials)

    def _allow(self, request: web.Request, path: str, account: Account | None) -> None:
        """Refuse what the account's role does not cover."""
        if account is None:
            return
        privileges = ROLE_PRIVILEGES[account.role]
        if path.startswith(ACCOUNTS):
            own = path == f"{ACCOUNTS}/{account.number}"
            own_password = own and request.method == "PATCH"
            allowed = "ConfigureUsers" in privileges or own_password or (own and _reads(request))
        elif _reads(request) or path.startswith(SESSIONS):
            allowed = True
        else:
            allowed = "ConfigureComponents" in privileges
        if not allowed:
            raise ActionRefused(403, "InsufficientPrivilege")

    # What is answered.

    async def _dispatch(self, request: web.Request, path: str, account: Account | None) -> Answer:
        _check_headers(request)
        self._allow(request, path, account)
        if path == pushing.PUSH:
            return await pushing.push(self.bmc, request)
        special = self._special(path)
        if special is not None:
            _allow_methods(request, ["GET", "HEAD"])
            return special
        body = self._listed(request, path)
        if body is None and path not in self.posts:
            raise ActionRefused(404, "ResourceMissingAtURI", request.path)
        _allow_methods(request, self._methods(path, exists=body is not None))
        match request.method:
            case "POST":
                return await self.posts[path](self.bmc, await _json(request))
            case "PATCH":
                # The body first: nothing may be awaited between comparing a tag and writing.
                sent = await _json(request)
                _check_match(request, self.tree.read(path) or {})
                return await self._patcher(path)(self.bmc, sent)
            case "DELETE":
                _check_match(request, body or {})
                return await delete(self.bmc, path)
            case _:
                return self._read(request, path, body or {})

    def _listed(self, request: web.Request, path: str) -> Body | None:
        """The resource; some BMCs only know a member once its collection was read."""
        lazy = self.bmc.host.faults.planted("lazy-404")
        if lazy is not None and _reads(request) and lazy.word("path") in path:
            parent = path.rpartition("/")[0]
            above = self.tree.read(parent) or {}
            if "Members" in above and parent not in self.bmc.listed:
                return None
            self.bmc.listed.add(path)
        return self.tree.read(path)

    def _special(self, path: str) -> Answer | None:
        if path == "/redfish":
            return Answer(status=200, body={"v1": f"{ROOT}/"})
        if path == f"{ROOT}/odata":
            return Answer(status=200, body=odata.service_document(self.tree.read(ROOT) or {}))
        if path == f"{ROOT}/$metadata":
            return Answer(status=200, body={"": odata.metadata(self.tree.types())})
        return None

    def _methods(self, path: str, *, exists: bool) -> list[str]:
        methods = ["GET", "HEAD"] if exists else []
        if path in self.posts:
            methods.append("POST")
        parent, _, name = path.rpartition("/")
        if path in self.patches or (parent == ACCOUNTS and name.isdigit()):
            methods.append("PATCH")
        if parent in DELETABLE and exists:
            methods.append("DELETE")
        return methods

    def _patcher(self, path: str) -> Change:
        if path in self.patches:
            return self.patches[path]
        number = int(path.rpartition("/")[2])
        accounts = self.bmc.host.state.accounts
        return patch_account(next(one for one in accounts if one.number == number))

    def _read(self, request: web.Request, path: str, body: Body) -> Answer:
        found = apply_query(
            dict(request.query), body, self.tree, levels_max=self.bmc.model.expand_levels
        )
        headers = {"Allow": ", ".join(self._methods(path, exists=True))}
        if path.startswith(f"{TASK_MONITORS}/") and body["TaskState"] in {
            "New",
            "Starting",
            "Running",
        }:
            location = f"{TASK_MONITORS}/{body['Id']}"
            return Answer(202, found, {**headers, "Location": location, "Retry-After": "1"})
        return Answer(200, found, headers)


def _reads(request: web.Request) -> bool:
    return request.method in {"GET", "HEAD"}


def _normal(path: str) -> str:
    """Paths are the same with and without a slash at their end."""
    return path.rstrip("/") or "/"


def _check_headers(request: web.Request) -> None:
    version = request.headers.get("OData-Version", "4.0")
    if version != "4.0":
        raise ActionRefused(412, "HeaderInvalid", "OData-Version")


def _allow_methods(request: web.Request, methods: list[str]) -> None:
    if request.method not in methods:
        raise MethodRefused(methods)


class MethodRefused(ActionRefused):
    """A method that a resource does not have."""

    def __init__(self, methods: list[str]) -> None:
        super().__init__(405, "OperationNotAllowed")
        self.methods = methods


async def _json(request: web.Request) -> Body:
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


def _check_match(request: web.Request, body: Body) -> None:
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag_of(body) not in [tag.strip() for tag in wanted.split(",")]:
        raise ActionRefused(412, "PreconditionFailed")


def _refusal(refused: ActionRefused) -> Answer:
    headers = {}
    if refused.status == 401:  # noqa: PLR2004 - HTTP
        headers["WWW-Authenticate"] = 'Basic realm="Redfish"'
    if refused.status == 503:  # noqa: PLR2004 - HTTP
        headers["Retry-After"] = "5"
    if isinstance(refused, MethodRefused):
        headers["Allow"] = ", ".join(refused.methods)
    body = error_body(refused.message_id, *refused.arguments, target=refused.target)
    return Answer(status=refused.status, body=body, headers=headers)


def _respond(
    request: web.Request, reply: Answer, *, dated: float | None = None
) -> web.StreamResponse:
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
