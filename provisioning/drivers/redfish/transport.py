"""The wire under the Redfish library: one bounded, verified, unrepeated HTTP exchange.

The library is handed this in place of an aiohttp session. It offers the single method that the
library uses, `request`, and adds what neither library does by itself:

- the certificate is checked before a byte of HTTP is written, by pin or by CA;
- nothing is sent twice: aiohttp quietly repeats a DELETE whose kept-alive connection had died;
- a reply has a largest size, and the whole exchange a deadline;
- requests go to /redfish/ on the one host, redirects are not followed, cookies are not kept;
- every failure leaves as one of our errors, told apart by whether the request had left.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import SimpleNamespace
from typing import IO, Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy
from yarl import URL

from provisioning.drivers.credentials import Trust
from provisioning.drivers.ear import DEAF, Ear
from provisioning.drivers.redfish.answers import MAX_REPLY_BYTES
from provisioning.drivers.redfish.tls import PINNED, verification
from provisioning.errors import (
    Ambiguous,
    AnswerRefused,
    BmcUnreachable,
    CertificateChanged,
    ProvisioningError,
)

READS = frozenset({"GET", "HEAD"})
MAX_CONNECTIONS = 4
"""Real BMCs serve two to four requests at once and freeze under bursts."""
KEEPALIVE_S = 5.0
"""Shorter than the idle limits seen on BMCs (10-60 s), so few connections die under us."""


SILENCE_S = 90.0
"""Streams send a sign of life every 10 to 60 s."""
MAX_LINE_BYTES = 256 * 1024
_PUT_OFF = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_AUTHORIZING = ("Authorization", "X-Auth-Token")


class _LostReplyError(aiohttp.ClientError):
    """A connection died after the request was handed to it. aiohttp must not repeat it."""


@dataclass(slots=True)
class _Progress:
    """How far one exchange got; aiohttp's tracing fills it in."""

    sent: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class CappedReply:
    """What the Redfish library reads of a reply, with the size capped."""

    response: aiohttp.ClientResponse
    what: str

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The reply's headers; aiohttp bounds their size."""
        return self.response.headers

    def get_encoding(self) -> str:
        """Redfish is UTF-8; what the header says about it is not asked."""
        return "utf-8"

    async def read(self) -> bytes:
        """The whole body, or AnswerRefused as soon as it is too large."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self.response.content.iter_any():
            size += len(chunk)
            if size > MAX_REPLY_BYTES:
                self.response.close()
                raise AnswerRefused(f"{self.what}: the answer is over {MAX_REPLY_BYTES} bytes")
            parts.append(chunk)
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class ReadBefore:
    """A reply that was read a moment ago, for a library that would read it once more."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def get_encoding(self) -> str:
        """As of any other reply."""
        return "utf-8"

    async def read(self) -> bytes:
        """The body, as it was."""
        return self.content


class Transport:
    """An aiohttp session narrowed to one BMC. Made inside a running loop, closed by its owner."""

    def __init__(
        self,
        *,
        label: str,
        trust: Trust,
        deadline_s: float,
        keepalive_s: float = KEEPALIVE_S,
        ear: Ear = DEAF,
    ) -> None:
        self._label = label
        self._deadline_s = deadline_s
        self._ear = ear
        self._authorization: dict[str, str] = {}
        self._before: dict[str, ReadBefore] = {}
        self.secrets: tuple[str, ...] = ()
        """What authorizes requests now, for taking it out of whatever a BMC echoes."""
        believed = verification(label, trust)
        self._context = PINNED if isinstance(believed, aiohttp.Fingerprint) else believed
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                # The pin is the connector's, and the context each request's: aiohttp has no way to
                # give both at once, and would search for an issuer that no BMC of ours has.
                ssl=believed,
                limit=MAX_CONNECTIONS,
                keepalive_timeout=keepalive_s,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            middlewares=(_never_repeat,),
            trace_configs=[_tracing()],
            # Proxies and .netrc are for people's traffic, not for a management network.
            trust_env=False,
        )

    @contextmanager
    def knowing(self, path: str, reply: ReadBefore) -> Iterator[None]:
        """Until it ends, a GET of this path is answered with what was read before."""
        self._before[path] = reply
        try:
            yield
        finally:
            del self._before[path]

    @asynccontextmanager
    async def request(
        self, method: str, url: URL, **kwargs: Any
    ) -> AsyncIterator[CappedReply | ReadBefore]:
        """Perform one exchange; the library calls this as it would aiohttp's own."""
        what = f"{self._label}: {method} {url.path}"
        if method == "GET" and (before := self._before.get(url.path)) is not None:
            yield before
            return
        if not url.path.startswith("/redfish/"):
            raise AnswerRefused(f"{what}: a link leads outside of /redfish/")
        kwargs["allow_redirects"] = False
        kwargs.setdefault("timeout", aiohttp.ClientTimeout(total=self._deadline_s))
        self._remember(kwargs.get("headers") or {})
        progress = _Progress()
        failure: ProvisioningError
        heard: bool | None = None
        end = self._ear.begin(method)
        try:
            async with self._session.request(
                method, url, ssl=self._context, trace_request_ctx=progress, **kwargs
            ) as response:
                progress.answered = True
                yield CappedReply(response, what)
                heard = response.status not in _PUT_OFF
                return
        except aiohttp.ServerFingerprintMismatch:
            failure = CertificateChanged(
                f"{self._label}: the certificate is not the pinned one; nothing was sent",
                hint="find out why; then podyard host bmc NAME --fingerprint sha256:DIGITS",
            )
        except aiohttp.ClientConnectorCertificateError as error:
            failure = CertificateChanged(
                f"{self._label}: the certificate was not accepted; nothing was sent "
                f"({_tls_reason(error)})",
                hint="renew the BMC's certificate, or name the CA that signed it",
            )
        except AnswerRefused as error:
            failure = error if method in READS else _unknown(what, str(error))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            heard = False
            failure = _lost(what, method, progress, error)
        finally:
            end(answered=heard)
        # Raised here and not in a handler: aiohttp's errors may carry the request's headers, and
        # with them the token, into whatever prints the chain.
        raise failure

    async def lines(self, url: str) -> AsyncIterator[bytes]:
        """The lines of a reply that does not end by itself; silence longer than `SILENCE_S` does.

        Read under the authorization of the last request. No line is longer than `MAX_LINE_BYTES`.
        """
        what = f"{self._label}: GET {URL(url).path}"
        failure: ProvisioningError
        silence = aiohttp.ClientTimeout(total=None, connect=self._deadline_s, sock_read=SILENCE_S)
        headers = {**self._authorization, "Accept": "text/event-stream"}
        try:
            async with self._session.get(
                url,
                headers=headers,
                ssl=self._context,
                allow_redirects=False,
                timeout=silence,
                read_bufsize=MAX_LINE_BYTES // 2,
                trace_request_ctx=_Progress(),
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise AnswerRefused(f"{what}: no stream (HTTP {response.status})")
                while line := await response.content.readline():
                    yield line.rstrip(b"\r\n")
                return
        except (ValueError, HttpProcessingError):
            failure = AnswerRefused(f"{what}: a line is over {MAX_LINE_BYTES} bytes")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = BmcUnreachable(f"{what}: the stream ended ({_reason(error)})")
        raise failure

    def _remember(self, headers: Mapping[str, str]) -> None:
        self._authorization = {n: headers[n] for n in _AUTHORIZING if n in headers}
        authorization = headers.get("Authorization", "").rpartition(" ")[2]
        self.secrets = tuple(filter(None, (headers.get("X-Auth-Token"), authorization)))

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


def multipart(parameters: Mapping[str, Any], content: IO[bytes], *, name: str) -> aiohttp.FormData:
    """The two parts of a firmware push, in the order that the standard wants."""
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field(
        "UpdateParameters", json.dumps(dict(parameters)), content_type="application/json"
    )
    form.add_field("UpdateFile", content, filename=name, content_type="application/octet-stream")
    return form


def _tracing() -> aiohttp.TraceConfig:
    async def headers_sent(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        context.trace_request_ctx.sent = True

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(headers_sent)
    return config


async def _never_repeat(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Rename the two errors that make aiohttp send an idempotent request again."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _LostReplyError(type(error).__name__) from error


def _lost(
    what: str, method: str, progress: _Progress, error: BaseException
) -> Ambiguous | AnswerRefused | BmcUnreachable:
    reason = _reason(error)
    if not progress.sent:
        return BmcUnreachable(
            f"{what}: no connection ({reason}); nothing was sent",
            hint="check that the BMC has power and that this address reaches it",
        )
    if method not in READS:
        return _unknown(what, reason)
    if progress.answered:
        return AnswerRefused(f"{what}: the answer broke off ({reason})")
    return BmcUnreachable(f"{what}: no answer ({reason})")


def _unknown(what: str, reason: str) -> Ambiguous:
    return Ambiguous(
        f"{what}: sent, and whether it was done is unknown ({reason})",
        hint="observe the host before anything is repeated",
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "deadline passed"
    if isinstance(error, aiohttp.ClientConnectorError):
        return type(error.os_error).__name__
    if isinstance(error, _LostReplyError):
        return "connection lost"
    return type(error).__name__


def _tls_reason(error: aiohttp.ClientConnectorCertificateError) -> str:
    said = getattr(error.certificate_error, "verify_message", "")
    return said or type(error.certificate_error).__name__
