"""The HTTPS side of one BMC: who may ask, and what is answered. `spoiling` is how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from provisioning.simulator.redfish.exchange import (
    BODY_LIMIT_BYTES,
    allow_methods,
    check_headers,
    check_match,
    json_of,
    normal,
    reads,
    refusal,
    respond,
)
from provisioning.simulator.redfish.queries import apply_query
from provisioning.simulator.redfish.resource import ACCOUNTS, ROOT, SESSIONS, TASK_MONITORS
from provisioning.simulator.redfish.sessions import ROLES as ROLE_PRIVILEGES
from provisioning.simulator.redfish.sessions import basic_credentials, login
from provisioning.simulator.redfish.spoiling import Dropped, Spoiler
from provisioning.simulator.redfish.tree import Tree
from provisioning.simulator.state import Account

Body = dict[str, Any]
PUBLIC = frozenset({"/redfish", ROOT, f"{ROOT}/odata", f"{ROOT}/$metadata"})


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
        path = normal(request.path)
        try:
            async with self.spoiler.receiving(request):
                return await self._answer(request, path)
        except Dropped:
            # Written to a connection that is gone.
            return web.Response(status=500)
        except ActionRefused as refused:
            return respond(request, refusal(refused))

    async def _answer(self, request: web.Request, path: str) -> web.StreamResponse:
        account = self._authenticate(request, path)
        changes = not reads(request) and path != SESSIONS
        if changes:
            await self.spoiler.before_change(request, path)
        elif reads(request) and (spoiled := await self.spoiler.read(request, path)) is not None:
            return spoiled
        if path == eventing.STREAM and request.method == "GET" and eventing.streams(self.bmc):
            return await delivering.stream(self.bmc, request)
        reply = await self._dispatch(request, path, account)
        if changes:
            reply = await self.spoiler.after_change(request, path, reply)
        return respond(request, reply, dated=self.bmc.clock)

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
            allowed = "ConfigureUsers" in privileges or own_password or (own and reads(request))
        elif reads(request) or path.startswith(SESSIONS):
            allowed = True
        else:
            allowed = "ConfigureComponents" in privileges
        if not allowed:
            raise ActionRefused(403, "InsufficientPrivilege")

    # What is answered.

    async def _dispatch(self, request: web.Request, path: str, account: Account | None) -> Answer:
        check_headers(request)
        self._allow(request, path, account)
        if path == pushing.PUSH:
            return await pushing.push(self.bmc, request)
        special = self._special(path)
        if special is not None:
            allow_methods(request, ["GET", "HEAD"])
            return special
        body = self._listed(request, path)
        if body is None and path not in self.posts:
            raise ActionRefused(404, "ResourceMissingAtURI", request.path)
        allow_methods(request, self._methods(path, exists=body is not None))
        match request.method:
            case "POST":
                return await self.posts[path](self.bmc, await json_of(request))
            case "PATCH":
                # The body first: nothing may be awaited between comparing a tag and writing.
                sent = await json_of(request)
                check_match(request, self.tree.read(path) or {})
                return await self._patcher(path)(self.bmc, sent)
            case "DELETE":
                check_match(request, body or {})
                return await delete(self.bmc, path)
            case _:
                return self._read(request, path, body or {})

    def _listed(self, request: web.Request, path: str) -> Body | None:
        """The resource; some BMCs only know a member once its collection was read."""
        lazy = self.bmc.host.faults.planted("lazy-404")
        if lazy is not None and reads(request) and lazy.word("path") in path:
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
