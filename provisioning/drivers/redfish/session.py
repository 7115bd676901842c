"""The only door to the Redfish library (`redfish.aio`, the asynchronous half).

The library logs in, carries the token, renews an expired session once for a GET and logs out. This
module owns everything around it: a log-in when first needed, HTTP basic where a service has no
sessions, two tries for a read and one for a change, the caps of `answers`, and the errors of
`provisioning.errors` in place of a dozen foreign ones. BMCs allow 4 to 16 sessions, so there is one
per driver and `close` always logs out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import redfish.aio

from provisioning.drivers.credentials import BmcMisconfigured, Credentials, Trust
from provisioning.drivers.ear import DEAF, Ear
from provisioning.drivers.redfish.address import Endpoint
from provisioning.drivers.redfish.answers import (
    Answer,
    Json,
    decode,
    location_path,
    message_ids,
    reference,
    text,
    worst_message,
)
from provisioning.drivers.redfish.transport import (
    KEEPALIVE_S,
    READS,
    ReadBefore,
    Transport,
    multipart,
)
from provisioning.errors import (
    Ambiguous,
    AnswerRefused,
    BmcBusy,
    BmcRefused,
    BmcUnreachable,
    CredentialsRefused,
    ProvisioningError,
    Unsupported,
)

ROOT = "/redfish/v1/"
LOGOUT_WAIT_S = 5.0
"""Closing must not hold up a shutdown: a session that cannot be ended expires at the BMC."""
MAX_PARALLEL_READS = 3
"""Between the two and four requests at once that real BMCs serve."""
MIN_SECRET_CHARS = 4
"""Shorter strings are words like On; taking them out would garble every message."""
MAX_ETAG_CHARS = 200
EMPTY_MAX_BYTES = 4
"""Two braces, perhaps with a line end: no resource is that short."""
_REDACTED = "[redacted]"
_NO_SESSION = frozenset({"SessionLimitExceeded", "CreateLimitReachedForResource"})
_LATER = frozenset({408, 429, 503})
"""Clear refusals that time cures: nothing was done, and the next pass reads afresh."""


class ReadFailed(BmcBusy):
    """The BMC failed inside (5xx) while answering a read; nothing was changed."""


class ReadOutdated(BmcBusy):
    """The resource changed since it was read (412); nothing was done."""


class NoFreeSession(BmcBusy):
    """The BMC holds as many sessions as it can."""


class RedfishSession:
    """One logged-in conversation with one BMC."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        credentials: Credentials,
        trust: Trust,
        deadline_s: float,
        keepalive_s: float = KEEPALIVE_S,
        ear: Ear = DEAF,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._trust = trust
        self._deadline_s = deadline_s
        self._keepalive_s = keepalive_s
        self._opening = asyncio.Lock()
        self._ear = ear
        self._reads = asyncio.Semaphore(min(MAX_PARALLEL_READS, ear.width))
        self._transport: Transport | None = None
        self._client: Any = None
        self._root: Json = {}
        self._by_session = False
        """Whether the log-in that holds now made a session: the password was right then."""
        self._told: dict[str, Answer] | None = None
        """By path, what was read in the look that is under way; None: there is none."""
        self.exchanges = 0
        """Reads that were asked of the BMC: what a round of telemetry costs it."""
        self.busy_messages: frozenset[str] = frozenset()
        """Message ids by which this maker's BMCs say: not yet."""
        # The sync half logs tokens at DEBUG. It is never used here, yet its package's logger is
        # capped, so that a root logger turned to DEBUG cannot print them either.
        library = logging.getLogger("redfish")
        if library.level != logging.WARNING:  # each change forgets what every logger knows
            library.setLevel(logging.WARNING)

    @property
    def label(self) -> str:
        """How messages name this BMC."""
        return self._endpoint.label

    async def root(self) -> Json:
        """The ServiceRoot as it was at log-in."""
        await self._open()
        return self._root

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Until it ends, what was read is not read again; a change forgets it."""
        self._told = {}
        try:
            yield
        finally:
            self._told = None

    async def get(self, path: str, *, afresh: bool = False) -> Answer:
        """Read; tried twice at most, each time within the deadline.

        `afresh`: also what this look read before, for a BMC that must be asked.
        """
        told = self._told
        if told is not None and not afresh and (known := told.get(path)) is not None:
            return known
        found = await self._get(path)
        if told is not None:
            told[path] = found
        return found

    async def _get(self, path: str) -> Answer:
        client = await self._open()
        async with self._reads:
            try:
                # The second one is for the log-in that an expired session costs, or another try.
                async with asyncio.timeout(2 * self._deadline_s):
                    reply = await self._try_read(client, path)
                    if _is_rubbish(reply):
                        reply = await self._try_read(client, path)
            except TimeoutError:
                raise BmcUnreachable(f"{self.label}: GET {path}: no answer in time") from None
        return self._understood(reply, "GET", path)

    async def post(self, path: str, body: Json) -> Answer:
        """Change; sent once, whatever happens."""
        return await self._change("POST", path, body, headers=None)

    async def patch(self, path: str, body: Json, *, etag: str | None) -> Answer:
        """Change; sent once, and only if the resource is still the one that was read."""
        headers = {"If-Match": etag} if etag else None
        return await self._change("PATCH", path, body, headers=headers)

    async def delete(self, path: str) -> Answer:
        """Change; sent once."""
        self._forget_told()
        client = await self._open()
        what = f"{self.label}: DELETE {path}"
        return self._understood(await self._called(client.delete, path, what=what), "DELETE", path)

    async def push(self, path: str, parameters: Json, image: Path, *, deadline_s: float) -> Answer:
        """Send a file with its parameters (multipart), once. It is read as it goes out."""
        self._forget_told()
        client = await self._open()
        what = f"{self.label}: POST {path}"
        with image.open("rb") as content:
            form = multipart(parameters, content, name=image.name)
            call = self._called(client.post, path, body=form, timeout=deadline_s, what=what)
            return self._understood(await call, "POST", path)

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """Lines as they come (SSE), over a connection of their own, until the BMC hangs up."""
        await self._open()
        if self._transport is None:
            raise BmcUnreachable(f"{self.label}: GET {path}: closed meanwhile")
        async for line in self._transport.lines(f"{self._endpoint.base_url}{path}"):
            yield line

    async def close(self) -> None:
        """Log out and close every connection. Safe to call twice; never raises.

        Whoever closes waits for a moment at most, or is told to stop; the log-out goes on without
        them, or a slow BMC would keep a session of each conversation until it has none left.
        """
        async with self._opening:
            client, transport = self._client, self._transport
            self._client = self._transport = None
        if transport is None:
            return
        ending = asyncio.create_task(_log_out(client, transport, within_s=2 * self._deadline_s))
        _ENDING.add(ending)
        ending.add_done_callback(_ENDING.discard)
        await asyncio.wait({ending}, timeout=min(LOGOUT_WAIT_S, self._deadline_s))

    def _forget_told(self) -> None:
        if self._told is not None:
            self._told.clear()

    # -- log-in

    async def _open(self) -> Any:
        """The library's client, logged in."""
        async with self._opening:
            if self._client is not None and self._root:
                return self._client
            if self._client is None:
                self._client = self._new_client()
            try:
                async with asyncio.timeout(self._deadline_s):
                    await self._log_in(self._client)
            except TimeoutError:
                raise BmcUnreachable(
                    f"{self.label}: no log-in within {self._deadline_s:g} s",
                    hint="check that the BMC has power and that this address reaches it",
                ) from None
            return self._client

    def _new_client(self) -> Any:
        self._transport = Transport(
            label=self.label,
            trust=self._trust,
            deadline_s=self._deadline_s,
            keepalive_s=self._keepalive_s,
            ear=self._ear,
        )
        return redfish.aio.AsyncRedfishClient(
            self._endpoint.base_url,
            username=self._credentials.username,
            password=self._credentials.password.get_secret_value(),
            session=self._transport,
        )

    async def _log_in(self, client: Any) -> None:
        reply = await self._try_read(client, ROOT)
        root = self._root_before_login(reply)
        if root is not None and _has_sessions(root):
            try:
                await self._log_in_with_session(client, reply)
                self._by_session = True
            except NoFreeSession as full:
                await self._log_in_without_session(client, root, full)
            self._root = root
            return
        await self._use_basic(client)
        self._root = root or await self._root_after_login(client)

    async def _log_in_without_session(self, client: Any, root: Json, full: NoFreeSession) -> None:
        """Go on by HTTP basic while the sessions that a killed controller left run out.

        BMCs allow 4 to 16 and keep them for half an hour; a controller that was killed and started
        again must not be locked out by its own past. A BMC that refuses basic stays busy.
        """
        await self._use_basic(client)
        systems = reference(root, "Systems")
        reply = await self._try_read(client, systems) if systems else None
        if reply is None or reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise full

    async def _use_basic(self, client: Any) -> None:
        """HTTP basic, over the verified connection and to the one host."""
        self._by_session = False
        try:
            await client.login("basic")
        except ValueError:
            raise BmcMisconfigured(
                f"{self.label}: the user name cannot be used with HTTP basic",
                hint="choose an account whose name has no colon",
            ) from None

    async def _log_in_with_session(self, client: Any, root: Any) -> None:
        """The library reads the root once more, to learn where sessions are: it is told instead."""
        if self._transport is None:
            raise BmcUnreachable(f"{self.label}: log-in: closed meanwhile")
        before = ReadBefore(root.status, dict(root.getheaders()), root.read)
        with self._transport.knowing(ROOT, before):
            await self._called(client.login, what=f"{self.label}: log-in", reading=True)

    def _root_before_login(self, reply: Any) -> Json | None:
        """The ServiceRoot, which needs no credentials; None where a service asks for them."""
        if reply.status == HTTPStatus.UNAUTHORIZED:
            return None
        return self._understood(reply, "GET", ROOT).body

    async def _root_after_login(self, client: Any) -> Json:
        return self._understood(await self._try_read(client, ROOT), "GET", ROOT).body

    # -- exchanges

    async def _try_read(self, client: Any, path: str) -> Any:
        """One GET, repeated if its connection or reply was lost.

        Reading a host is some 40 of them: where one in five gets no answer, no host would ever be
        read whole without another try. A BMC that has answered within some time so far is not
        waited for much longer before it is asked again; one that nobody knows yet has its deadline,
        twice. Whoever logs in has one deadline for all.
        """
        what = f"{self.label}: GET {path}"
        self.exchanges += 1
        read = partial(self._called, client.get, path, what=what, reading=True)
        patience_s = self._ear.patience_s()
        waits_s = [self._deadline_s] * 2
        if patience_s is not None and patience_s < self._deadline_s:
            waits_s = [patience_s, patience_s, self._deadline_s]
        for wait_s in waits_s[:-1]:
            with contextlib.suppress(BmcUnreachable):
                return await read(timeout=wait_s)
        return await read(timeout=waits_s[-1])

    async def _change(
        self, method: str, path: str, body: Json, *, headers: dict[str, str] | None
    ) -> Answer:
        self._forget_told()
        send = getattr(await self._open(), method.lower())
        what = f"{self.label}: {method} {path}"
        reply = await self._called(send, path, body=body, headers=headers, what=what)
        try:
            return self._understood(reply, method, path, sent=body)
        except AnswerRefused as error:
            raise Ambiguous(
                f"{error}; whether the change was made is unknown",
                hint="observe the host before anything is repeated",
            ) from error

    async def _called(
        self,
        call: Callable[..., Awaitable[Any]],
        *args: Any,
        what: str,
        reading: bool = False,
        **kwargs: Any,
    ) -> Any:
        """One call into the library; what it raises becomes ours."""
        failure: ProvisioningError
        try:
            return await call(*args, **kwargs)
        except ProvisioningError as error:
            failure = error
        except redfish.aio.RedfishError as error:
            failure = self._translated(error, what)
        except RecursionError:
            failure = AnswerRefused(f"{what}: the answer is nested too deep")
        if reading and isinstance(failure, Ambiguous):
            # A log-in got lost. At worst a session came into being, which expires by itself.
            failure = BmcUnreachable(f"{failure}; only a log-in was sent", hint=failure.hint)
        raise failure  # outside of the handlers, so that no foreign error rides along

    def _translated(self, error: Exception, what: str) -> ProvisioningError:
        """The library raises these while logging in, at first or again."""
        if isinstance(error, redfish.aio.RedfishPasswordChangeRequiredError):
            return CredentialsRefused(
                f"{self.label}: the BMC demands a new password first",
                status=HTTPStatus.FORBIDDEN,
                hint="change it at the BMC, then podyard host bmc NAME --password-file FILE",
            )
        if isinstance(error, redfish.aio.RedfishAuthenticationError):
            return self._credentials_refused()
        if isinstance(error, redfish.aio.RedfishHTTPError):
            return self._login_refused(error.response)
        return AnswerRefused(f"{what}: {text(str(error))}")

    def _login_refused(self, reply: Any) -> ProvisioningError:
        body = _body_or_nothing(reply, self.label)
        if message_ids(body) & _NO_SESSION:
            return NoFreeSession(f"{self.label}: the BMC has no free session")
        return self._refusal("GET", "log-in", reply.status, body)

    def _credentials_refused(self) -> CredentialsRefused:
        return CredentialsRefused(
            f"{self.label}: the BMC refused user {text(self._credentials.username)!r}",
            status=HTTPStatus.UNAUTHORIZED,
            hint="correct the account: podyard host bmc NAME --username USER --password-file FILE",
        )

    def _understood(
        self, reply: Any, method: str, path: str, *, sent: Json | None = None
    ) -> Answer:
        what = f"{self.label}: {method} {path}"
        status: int = reply.status
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise AnswerRefused(f"{what}: answered with a redirect ({status}), not followed")
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._refusal(method, path, status, _body_or_nothing(reply, what), sent)
        body = decode(reply.read, what=what) if reply.read or method in READS else {}
        if method in READS and not body:
            # Every resource names itself; believed, this would be hardware that is gone.
            raise AnswerRefused(f"{what}: the answer has no properties")
        location = location_path(reply.getheader("Location"), base_url=self._endpoint.base_url)
        return Answer(path, status, body, _etag(reply, body), location)

    def _refusal(
        self, method: str, path: str, status: int, body: Json, sent: Json | None = None
    ) -> ProvisioningError:
        said, resolution = (text(self._redacted(part, sent)) for part in worst_message(body))
        message = f"{self.label}: {method} {path}: HTTP {status}{': ' if said else ''}{said}"
        if status == HTTPStatus.PRECONDITION_FAILED:
            return ReadOutdated(message, hint=resolution)
        if status in _LATER or message_ids(body) & self.busy_messages:
            return BmcBusy(message, hint=resolution)
        if status == HTTPStatus.NOT_IMPLEMENTED:
            return Unsupported(message, hint=resolution or "this BMC cannot do it")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            if method in READS:
                return ReadFailed(message, hint=resolution)
            return Ambiguous(message, hint="observe the host before anything is repeated")
        if status == HTTPStatus.UNAUTHORIZED:
            return self._unauthorized(method, message)
        return BmcRefused(message, status=status, hint=resolution or "read the BMC's own log")

    def _unauthorized(self, method: str, message: str) -> ProvisioningError:
        """401 after the library renewed the session, or to a change, which it does not repeat.

        A BMC that took the password a moment ago and forgets its sessions is no wrong password: a
        person would be called for nothing.
        """
        if method in READS and not self._by_session:
            return self._credentials_refused()
        self._root = {}  # the next call logs in again
        return BmcBusy(f"{message}; the session had ended, nothing was done")

    def _redacted(self, said: str, sent: Json | None) -> str:
        """Without our secrets and without what we sent: an image's URL may hold a boot token."""
        secrets = [self._credentials.password.get_secret_value()]
        secrets += self._transport.secrets if self._transport else ()
        secrets += [value for value in (sent or {}).values() if isinstance(value, str)]
        for secret in secrets:
            if len(secret) >= MIN_SECRET_CHARS:
                said = said.replace(secret, _REDACTED)
        return said


_ENDING: set[asyncio.Task[None]] = set()
"""Log-outs under way: the event loop itself would let go of a task that nobody holds."""


async def _log_out(client: Any, transport: Transport, *, within_s: float) -> None:
    """Give the session back, and hang up."""
    try:
        if client is not None:
            with contextlib.suppress(
                ProvisioningError, redfish.aio.RedfishError, TimeoutError, RecursionError
            ):
                async with asyncio.timeout(within_s):
                    await client.logout()
    finally:
        await transport.close()


def _is_rubbish(reply: Any) -> bool:
    """An error inside of the BMC, or an answer that says nothing: most pass with the next try."""
    if reply.status in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY}:
        return True
    return bool(reply.status == HTTPStatus.OK and len(reply.read) <= EMPTY_MAX_BYTES)


def _has_sessions(root: Json) -> bool:
    return bool(reference(root, "Links", "Sessions") or reference(root, "SessionService"))


def _body_or_nothing(reply: Any, what: str) -> Json:
    """The body of a refusal: it may be anything, and only adds words."""
    with contextlib.suppress(AnswerRefused):
        return decode(reply.read, what=what)
    return {}


def _etag(reply: Any, body: Json) -> str | None:
    for etag in (reply.getheader("ETag"), body.get("@odata.etag")):
        if isinstance(etag, str) and etag.isprintable() and 0 < len(etag) <= MAX_ETAG_CHARS:
            return etag
    return None
