"""The HTTPS side of a machine that is no host: who may ask, and what is read and switched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from aiohttp import web

from provisioning.simulator.distribution import cdu, circuits, leaf, pdu, services, shelf
from provisioning.simulator.distribution.machine import Machine
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks, odata
from provisioning.simulator.redfish.answer import Answer
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
from provisioning.simulator.redfish.resource import ROOT, SESSIONS, Body, Builders
from provisioning.simulator.redfish.services import session as session_body
from provisioning.simulator.redfish.sessions import ROLES, basic_credentials, login
from provisioning.simulator.state import Account

PUBLIC = frozenset({"/redfish", ROOT, f"{ROOT}/odata", f"{ROOT}/$metadata"})
LABELS = ("AssetTag", "UserLabel")
LABEL_LENGTH_MAX = 128
MOVING_TYPES = ("#Session.v1_7_2.Session", "#ManagerAccount.v1_12_0.ManagerAccount")

Act = Callable[[Machine, Body], Awaitable[Answer]]
Fixed = Callable[[Machine], Builders]
TREES: dict[str, tuple[Fixed, str]] = {
    "pdu": (pdu.fixed, pdu.OWN),
    "power-shelf": (shelf.fixed, shelf.OWN),
    "cdu": (cdu.fixed, cdu.OWN),
    "leaf-switch": (leaf.fixed, ""),
}
"""By kind: the tree, and the resource that people label."""


def acts_of(machine: Machine) -> dict[str, Act]:
    """Path to what a POST there does."""
    kind = machine.plan.kind
    if kind not in {"pdu", "power-shelf"}:
        return {}
    own = TREES[kind][1]
    found: dict[str, Act] = {
        f"{own}/Mains/{circuits.MAINS}/Actions/Circuit.BreakerControl": circuits.close_breaker
    }
    if kind == "pdu":
        for number, host in enumerate(machine.plan.hosts, start=1):
            path = f"{pdu.OUTLETS}/{number}/Actions/Outlet.PowerControl"
            found[path] = partial(_switch, host)
    return found


async def _switch(host: str, machine: Machine, body: Body) -> Answer:
    return await pdu.switch(machine, host, body)


@dataclass(slots=True)
class MachineService:
    """One machine's service."""

    machine: Machine
    _fixed: Builders = field(init=False)
    _acts: dict[str, Act] = field(init=False)

    def __post_init__(self) -> None:
        """Build the paths."""
        self._fixed = TREES[self.machine.plan.kind][0](self.machine)
        self._acts = acts_of(self.machine)

    def application(self) -> web.Application:
        """An application that hands every request to `answer`."""
        application = web.Application(client_max_size=BODY_LIMIT_BYTES)
        application.router.add_route("*", "/{path:.*}", self.answer)
        return application

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request, from authentication to the reply."""
        path = normal(request.path)
        try:
            reply = await self._dispatch(request, path, self._authenticate(request, path))
        except ActionRefused as refused:
            return respond(request, refusal(refused))
        return respond(request, reply, dated=self.machine.clock.now())

    def read(self, path: str) -> Body | None:
        """The resource at a path, or None."""
        builder = self._fixed.get(path)
        return builder() if builder is not None else services.moving(self.machine, path)

    def types(self) -> list[str]:
        """Every `@odata.type` that this service serves."""
        always = [str(builder()["@odata.type"]) for builder in self._fixed.values()]
        return [*always, *MOVING_TYPES]

    # Who asks.

    def _authenticate(self, request: web.Request, path: str) -> Account | None:
        if path in PUBLIC and reads(request):
            return None
        if path in {SESSIONS, f"{SESSIONS}/Members"} and request.method == "POST":
            return None
        account = self._account(request)
        if account is None:
            raise ActionRefused(401, "NoValidSession")
        may_change = "ConfigureComponents" in ROLES[account.role]
        if not (reads(request) or may_change or path.startswith(SESSIONS)):
            raise ActionRefused(403, "InsufficientPrivilege")
        return account

    def _account(self, request: web.Request) -> Account | None:
        state, token = self.machine.state, request.headers.get("X-Auth-Token")
        if token is not None:
            session = self.machine.sessions.by_token(token)
            named = (one for one in state.accounts if session and one.username == session.username)
            return next(named, None)
        credentials = basic_credentials(request.headers.get("Authorization", ""))
        return None if credentials is None else login(state, *credentials)

    # What is answered.

    async def _dispatch(self, request: web.Request, path: str, _account: Account | None) -> Answer:
        check_headers(request)
        special = self._special(path)
        if special is not None:
            allow_methods(request, ["GET", "HEAD"])
            return special
        body = self.read(path)
        if body is None and path not in self._acts:
            raise ActionRefused(404, "ResourceMissingAtURI", request.path)
        methods = self._methods(path, exists=body is not None)
        allow_methods(request, methods)
        match request.method:
            case "POST" if path == SESSIONS:
                return self._log_in(await json_of(request))
            case "POST":
                return await self._acts[path](self.machine, await json_of(request))
            case "PATCH":
                sent = await json_of(request)
                check_match(request, self.read(path) or {})
                return self._relabel(path, sent)
            case "DELETE":
                check_match(request, body or {})
                self.machine.sessions.close(path.rpartition("/")[2])
                return Answer()
            case _:
                found = apply_query(
                    dict(request.query), body or {}, self, levels_max=services.EXPAND_LEVELS
                )
                return Answer(200, found, {"Allow": ", ".join(methods)})

    def _special(self, path: str) -> Answer | None:
        if path == "/redfish":
            return Answer(status=200, body={"v1": f"{ROOT}/"})
        if path == f"{ROOT}/odata":
            return Answer(status=200, body=odata.service_document(self.read(ROOT) or {}))
        if path == f"{ROOT}/$metadata":
            return Answer(status=200, body={"": odata.metadata(self.types())})
        return None

    def _methods(self, path: str, *, exists: bool) -> list[str]:
        methods = ["GET", "HEAD"] if exists else []
        if path in self._acts or path == SESSIONS:
            methods.append("POST")
        if path and path == TREES[self.machine.plan.kind][1]:
            methods.append("PATCH")
        if path.rpartition("/")[0] == SESSIONS:
            methods.append("DELETE")
        return methods

    def _log_in(self, body: Body) -> Answer:
        checks.properties(body, writable={"UserName": str, "Password": str}, readable=("Id",))
        for name in ("UserName", "Password"):
            if name not in body:
                raise ActionRefused(400, "PropertyMissing", name, target=name)
        if login(self.machine.state, body["UserName"], body["Password"]) is None:
            raise ActionRefused(401, "NoValidSession")
        sessions = self.machine.sessions
        session = sessions.create(body["UserName"], room=sessions.limit)
        where = {"Location": f"{SESSIONS}/{session.number}", "X-Auth-Token": session.token}
        return Answer(status=201, body=session_body(session), headers=where)

    def _relabel(self, path: str, body: Body) -> Answer:
        found = checks.properties(
            body, writable=dict.fromkeys(LABELS, str), readable=self.read(path) or {}
        )
        for name, value in found.items():
            if len(value) > LABEL_LENGTH_MAX:
                raise ActionRefused(400, "PropertyValueFormatError", value, name, target=name)
            self.machine.write_label(name, value)
            self.machine.journal("label", name=name, value=value)
        return Answer(status=200, body=self.read(path))
