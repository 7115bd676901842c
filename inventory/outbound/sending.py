"""One signed message to one receiver: the only door through which webhooks leave.

The form is the Standard Webhooks specification's, so that receivers verify it with a library of
theirs. No redirect is followed, no proxy of the environment is used, the answer's body is not read,
and the whole exchange has one deadline: a receiver can neither hold the service nor send it on.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Signer

from inventory.model import Event
from inventory.outbound.address import AddressRefused, CheckedResolver, Network, url_fault

DEADLINE_S = 15.0  # Standard Webhooks asks receivers to answer within 15 to 30 s
CONNECTIONS_MAX = 64
ERROR_MAX = 200


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: signed anew at every try, under the same id, so that a receiver can tell."""

    id: str
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How one try ended."""

    status: int = 0
    """The receiver's HTTP status; 0: there was none."""
    error: str = ""
    """Why it does not count as delivered; empty when it does."""
    retry_after: timedelta | None = None
    """How long the receiver asked us to stay away."""

    @property
    def delivered(self) -> bool:
        """The receiver said that it has it."""
        return not self.error

    @property
    def gone(self) -> bool:
        """The receiver said that it wants no more (410)."""
        return self.status == 410  # noqa: PLR2004 - HTTP's own number


def message_of(delivery_id: str, event: Event) -> Message:
    """An event as a message: `type`, `timestamp` and `data`, as the specification has it."""
    document = {
        "type": event.kind,
        "timestamp": event.at.isoformat(),
        "data": event.model_dump(mode="json"),
    }
    return Message(id=delivery_id, body=_canonical(document))


def ping_of(delivery_id: str, *, webhook: str, now: datetime) -> Message:
    """A message that says nothing but that messages arrive."""
    document = {"type": "webhook.ping", "timestamp": now.isoformat(), "data": {"webhook": webhook}}
    return Message(id=delivery_id, body=_canonical(document))


def headers_of(message: Message, secrets: Sequence[SecretStr], *, now: datetime) -> dict[str, str]:
    """The three headers of the specification, signed with every secret in force."""
    signatures = (
        Signer(secret.get_secret_value()).sign(message.id, now, message.body) for secret in secrets
    )
    return {
        "content-type": "application/json",
        "user-agent": "podyard-webhooks/1",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


class Sender:
    """Keeps the connections; one per service."""

    def __init__(self, networks: Sequence[Network], *, trust: ssl.SSLContext | None = None) -> None:
        self._networks = tuple(networks)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=CheckedResolver(networks),
                limit=CONNECTIONS_MAX,
                ssl=trust or True,
                use_dns_cache=False,  # what was allowed a minute ago may lead elsewhere now
            ),
            timeout=aiohttp.ClientTimeout(total=DEADLINE_S),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(
        self, url: str, message: Message, secrets: Sequence[SecretStr], *, now: datetime
    ) -> Answer:
        """One try. Never raises for what a receiver does."""
        if fault := url_fault(url, self._networks):  # the settings may have changed since
            return Answer(error=f"not called: {fault}")
        headers = headers_of(message, secrets, now=now)
        try:
            async with self._session.post(
                url, data=message.body.encode(), headers=headers, allow_redirects=False
            ) as response:
                return _judged(response.status, response.headers.get("retry-after", ""), now)
        except TimeoutError:
            return Answer(error=f"no answer within {DEADLINE_S:.0f} s")
        except (aiohttp.ClientError, AddressRefused, OSError) as error:
            return Answer(error=_told(error))

    async def close(self) -> None:
        """End the connections."""
        await self._session.close()
        await asyncio.sleep(0)  # aiohttp closes its transports one turn later


def _judged(status: int, retry_after: str, now: datetime) -> Answer:
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's own numbers
        return Answer(status=status)
    told = "wants no more messages" if status == 410 else "did not take it"  # noqa: PLR2004
    if 300 <= status < 400:  # noqa: PLR2004
        told = "answered with a redirect, which is not followed"
    return Answer(
        status=status,
        error=f"the receiver {told} (HTTP {status})",
        retry_after=_wait(retry_after, now),
    )


def _wait(text: str, now: datetime) -> timedelta | None:
    """`Retry-After`: seconds or a date (RFC 9110, 10.2.3); anything else counts as absent."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        at = parsedate_to_datetime(text)
        return max(timedelta(), at - now)
    except (TypeError, ValueError):
        return None


def _told(error: BaseException) -> str:
    """A connector wraps the reason that matters: the refusal of an address."""
    inner = error.__cause__ if isinstance(error.__cause__, AddressRefused) else error
    text = str(inner) or type(inner).__name__
    return text[:ERROR_MAX]


def _canonical(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
