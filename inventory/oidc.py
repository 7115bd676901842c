"""OpenID Connect: who somebody is, on the word of the one provider that the operator named.

The code flow with PKCE, and nothing else. What is never done: follow a redirect of the provider,
ask a host that the settings do not name, believe a token whose signature, issuer, audience, time or
nonce is not right, or accept the same answer twice. What a browser must bring back (state, nonce,
verifier, and where it wanted to go) travels in a sealed cookie, so nothing is kept per attempt.
The only door to joserfc.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import ssl
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import SecretStr

from inventory.clock import Clock
from inventory.errors import InventoryError, SecretRefused
from inventory.oidc_settings import OidcSettings, require_safe
from inventory.secrets import SecretBox

T = TypeVar("T")

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Public-key signatures alone: no `none`, and no HMAC that could be made with a public key."""
FLOW_LASTS = timedelta(minutes=10)
KNOWN_FOR = timedelta(hours=1)
KEYS_AGAIN_AFTER = timedelta(minutes=1)
"""A token with a key we do not know makes us look once more, but not for every such token."""
SKEW = timedelta(seconds=60)
TOKEN_OLD_MAX = timedelta(minutes=10)
TIMEOUT_S = 10.0
EXCHANGE_S = 20.0
"""All that is asked of the provider for one step of signing in, however many requests that is and
however slowly it drips: a browser waits, and so does a connection of ours."""
REPLY_MAX_BYTES = 1024 * 1024
STATES_MAX = 10_000
_OWNER, _FIELD = "oidc", "flow"


class OidcRefused(InventoryError):
    """The provider's answer does not prove who this is."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One attempt to sign in, as the browser carries it, sealed."""

    state: str
    nonce: str
    verifier: str
    next_path: str
    until: float


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says this is."""

    issuer: str
    subject: str
    name: str
    display: str
    email: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Provider:
    """What its discovery document says, checked."""

    authorize: str
    token: str
    keys_url: str
    says_issuer: bool
    keys: KeySet
    at: datetime


class OidcClient:
    """This service towards its provider. One per process."""

    def __init__(
        self,
        settings: OidcSettings,
        *,
        clock: Clock,
        box: SecretBox,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._box = box
        self._transport = transport
        self._provider: _Provider | None = None
        self._spent: OrderedDict[str, float] = OrderedDict()

    @property
    def settings(self) -> OidcSettings:
        """What the operator chose."""
        return self._settings

    async def begin(self, next_path: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie that it must bring back."""
        return await _in_time(self._begin(next_path))

    async def finish(
        self, cookie: str, *, state: str, code: str, issuer: str, error: str
    ) -> tuple[Person, str]:
        """Who it is, and where they wanted to go; OidcRefused with the reason for the log."""
        flow = self._flow(cookie)
        if not state or not hmac.compare_digest(state.encode(), flow.state.encode()):
            raise OidcRefused("the state is not the one that this browser began with")
        self._spend(flow)
        return await _in_time(self._finish(flow, code=code, issuer=issuer, error=error))

    async def _begin(self, next_path: str) -> tuple[str, str]:
        provider = await self._known()
        flow = Flow(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            next_path=next_path,
            until=(self._clock.now() + FLOW_LASTS).timestamp(),
        )
        digest = hashlib.sha256(flow.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_url,
            "scope": self._settings.scopes,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        sealed = self._box.seal(_OWNER, _FIELD, SecretStr(json.dumps(asdict(flow))))
        joint = "&" if urlsplit(provider.authorize).query else "?"
        return (
            f"{provider.authorize}{joint}{urlencode(query)}",
            base64.urlsafe_b64encode(sealed).decode(),
        )

    async def _finish(
        self, flow: Flow, *, code: str, issuer: str, error: str
    ) -> tuple[Person, str]:
        provider = await self._known()
        if issuer != self._settings.issuer and (issuer or provider.says_issuer):
            raise OidcRefused("the answer comes from another issuer")  # RFC 9207: mix-up
        if error or not code:
            raise OidcRefused("the provider refused")
        token = await self._redeem(provider, code, flow)
        claims = await self._claims(provider, token, flow.nonce)
        return self._person(claims), flow.next_path

    def _flow(self, cookie: str) -> Flow:
        try:
            sealed = base64.b64decode(cookie.encode(), altchars=b"-_", validate=True)
            opened = self._box.unseal(_OWNER, _FIELD, sealed).get_secret_value()
            flow = Flow(**json.loads(opened))
        except (SecretRefused, ValueError, TypeError) as error:
            raise OidcRefused("this browser began no sign-in here") from error
        if flow.until <= self._clock.now().timestamp():
            raise OidcRefused("this sign-in took too long")
        return flow

    def _spend(self, flow: Flow) -> None:
        """Each answer counts once, though somebody copied it, cookie and all."""
        now = self._clock.now().timestamp()
        while self._spent and (
            len(self._spent) >= STATES_MAX or next(iter(self._spent.values())) <= now
        ):
            self._spent.popitem(last=False)
        if flow.state in self._spent:
            raise OidcRefused("this answer was used already")
        self._spent[flow.state] = flow.until

    async def _known(self) -> _Provider:
        known = self._provider
        if known is None or self._clock.now() >= known.at + KNOWN_FOR:
            known = self._provider = await self._discover()
        return known

    async def _discover(self) -> _Provider:
        issuer = self._settings.issuer
        found = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise OidcRefused("the provider's document names another issuer")
        methods = found.get("code_challenge_methods_supported")
        if methods is not None and "S256" not in methods:
            raise OidcRefused("the provider does not know PKCE with S256")
        urls = [
            self._allowed(str(found.get(name, "")))
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        ]
        return _Provider(
            authorize=urls[0],
            token=urls[1],
            keys_url=urls[2],
            says_issuer=found.get("authorization_response_iss_parameter_supported") is True,
            keys=await self._keys(urls[2]),
            at=self._clock.now(),
        )

    def _allowed(self, url: str) -> str:
        """An address that the provider names: of its own host, or of one that the settings name."""
        try:
            require_safe(url)
        except ValueError as error:
            raise OidcRefused(f"the provider's document is wrong: {error}") from error
        if urlsplit(url).netloc not in self._settings.hosts:
            raise OidcRefused(f"the provider's document names a host that is not its own: {url}")
        return url

    async def _keys(self, url: str) -> KeySet:
        found = await self._get(url)
        try:
            return KeySet.import_key_set(found)  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcRefused("the provider's keys cannot be read") from error

    async def _redeem(self, provider: _Provider, code: str, flow: Flow) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_url,
            "client_id": self._settings.client_id,
            "code_verifier": flow.verifier,
        }
        secret = self._settings.client_secret.get_secret_value()
        login = httpx.BasicAuth(self._settings.client_id, secret) if secret else None
        found = await self._ask("POST", provider.token, data=form, auth=login)
        token = found.get("id_token")
        if not isinstance(token, str):
            raise OidcRefused("the provider gave no ID token")
        return token

    async def _claims(self, provider: _Provider, token: str, nonce: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, provider.keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            fresh = await self._with_fresh_keys(provider)
            if fresh is None:
                raise OidcRefused(f"the ID token is not good: {type(error).__name__}") from error
            return await self._claims(fresh, token, nonce)
        claims: dict[str, Any] = decoded.claims
        if why := self._wrong(claims, nonce):
            raise OidcRefused(f"the ID token is not good: {why}")
        return claims

    async def _with_fresh_keys(self, provider: _Provider) -> _Provider | None:
        """The provider with keys read again, unless that was done just now."""
        now = self._clock.now()
        if now < provider.at + KEYS_AGAIN_AFTER:
            return None
        self._provider = await self._discover()
        return self._provider

    def _wrong(self, claims: dict[str, Any], nonce: str) -> str:
        """What is wrong with the claims of a signed token, or nothing."""
        now, client = self._clock.now().timestamp(), self._settings.client_id
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self._settings.issuer:
            return "issuer"
        if client not in audiences:
            return "audience"
        if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client:
            return "authorized party"
        if not _number(claims.get("exp")) or claims["exp"] <= now - SKEW.total_seconds():
            return "expired"
        issued = claims.get("iat")
        if not _number(issued) or issued > now + SKEW.total_seconds():
            return "issued in the future"
        if issued < now - TOKEN_OLD_MAX.total_seconds():
            return "issued long ago"
        if _number(claims.get("nbf")) and claims["nbf"] > now + SKEW.total_seconds():
            return "not yet good"
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            return "nonce"
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # noqa: PLR2004 - OpenID Connect's limit
            return "subject"
        return ""

    def _person(self, claims: dict[str, Any]) -> Person:
        groups = claims.get(self._settings.groups_claim)
        return Person(
            issuer=self._settings.issuer,
            subject=claims["sub"],
            name=_text(claims.get("preferred_username")),
            display=_text(claims.get("name")),
            email=_text(claims.get("email")),
            groups=frozenset(g for g in groups if isinstance(g, str))
            if isinstance(groups, list)
            else frozenset(),
        )

    async def _get(self, url: str) -> dict[str, Any]:
        return await self._ask("GET", url)

    async def _ask(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """One request to the provider: no proxy, no redirect, no more than it may weigh."""
        tls: ssl.SSLContext | bool = True
        if self._settings.ca_file is not None:
            tls = ssl.create_default_context(cafile=self._settings.ca_file)
        try:
            async with (
                httpx.AsyncClient(
                    verify=tls,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=TIMEOUT_S,
                    transport=self._transport,
                ) as client,
                client.stream(
                    method, url, headers={"Accept": "application/json"}, **request
                ) as reply,
            ):
                body = await _limited(reply)
        except httpx.HTTPError as error:
            raise OidcRefused(f"the provider does not answer: {type(error).__name__}") from error
        if reply.status_code != httpx.codes.OK:
            raise OidcRefused(f"the provider answered {reply.status_code} at {url}")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise OidcRefused("the provider's answer is no JSON") from error
        if not isinstance(found, dict):
            raise OidcRefused("the provider's answer is no JSON object")
        return found


async def _in_time(exchange: Coroutine[Any, Any, T]) -> T:
    """The exchange's answer, or OidcRefused when the whole of it takes too long."""
    try:
        async with asyncio.timeout(EXCHANGE_S):
            return await exchange
    except TimeoutError as error:
        raise OidcRefused(f"the provider took longer than {EXCHANGE_S:g} s") from error


async def _limited(reply: httpx.Response) -> bytes:
    body = b""
    async for part in reply.aiter_bytes():
        body += part
        if len(body) > REPLY_MAX_BYTES:
            raise OidcRefused("the provider's answer is too large")
    return body


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    """What a provider says of a person is shown to others: one short, printable line."""
    return "".join(c for c in value if c.isprintable())[:255] if isinstance(value, str) else ""
