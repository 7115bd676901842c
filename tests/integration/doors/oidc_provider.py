"""A small OpenID provider that answers for real over HTTP, and lies where a test asks it to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "podyard", "a client's secret"
KEY = RSAKey.generate_key(2048, {"kid": "k1"})


@dataclass
class Provider:
    """Its state, its lies, and what it was asked."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: KEY)
    published: list[RSAKey] = field(default_factory=list)
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "u-1",
            "preferred_username": "Jane.Doe",
            "name": "Jane Doe",
            "email": "jane@example.org",
            "groups": ["zrh-ops"],
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    """Put over the claims of the next tokens; None takes one out."""
    header: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    signer: Any = None
    """The key that signs, when it is not the provider's own."""
    forge: Callable[[dict[str, Any]], str] | None = None
    """Makes the token instead, from the claims of a right one."""
    token_reply: Response | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    now: float = 0.0

    def all_claims(self, nonce: str) -> dict[str, Any]:
        """What a token says."""
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "exp": self.now + 300,
            "iat": self.now,
            "nonce": nonce,
            **self.person,
            **self.claims,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def id_token(self, nonce: str) -> str:
        """A token for the person, with whatever lies were asked for."""
        claims = self.all_claims(nonce)
        header = {"alg": "RS256", "kid": "k1", **self.header}
        algorithms = [str(header["alg"])]
        return jwt.encode(header, claims, self.signer or self.key, algorithms=algorithms)


def build(provider: Provider) -> FastAPI:
    """The provider as an app."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        provider.asked.append("discovery")
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "jwks_uri": f"{provider.issuer}/keys",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **provider.document,
        }

    @app.get("/keys")
    async def keys() -> dict[str, Any]:
        provider.asked.append("keys")
        return {"keys": [key.as_dict(private=False) for key in provider.published]}

    @app.get("/authorize")
    async def authorize(request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        if asked["client_id"] != CLIENT or asked["code_challenge_method"] != "S256":
            raise HTTPException(400)
        code = secrets.token_urlsafe(16)
        provider.codes[code] = asked
        query = {"code": code, "state": asked["state"], "iss": provider.issuer, "scope": "openid"}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(query)}", 302)

    @app.post("/token")
    async def token(request: Request) -> Response:
        provider.asked.append("token")
        if provider.token_reply is not None:
            return provider.token_reply
        form = dict(parse_qsl((await request.body()).decode()))
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            raise HTTPException(401)
        asked = provider.codes.pop(form["code"], None)  # a code is good once
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            raise HTTPException(400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            raise HTTPException(400)
        claims = provider.all_claims(asked["nonce"])
        made = provider.forge(claims) if provider.forge else provider.id_token(asked["nonce"])
        return JSONResponse({"id_token": made, "access_token": "x", "token_type": "Bearer"})

    return app


@contextmanager
def running(provider: Provider) -> Iterator[Provider]:
    """The provider on a free loopback port."""
    config = uvicorn.Config(build(provider), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        provider.issuer = f"http://127.0.0.1:{opened.getsockname()[1]}"
        provider.published = provider.published or [provider.key]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join()


def signed_with_the_public_key(provider: Provider, claims: dict[str, Any]) -> str:
    """HS256 with the public key as its secret: the old confusion of algorithms, made by hand."""
    head = _part({"alg": "HS256", "kid": "k1"})
    said = f"{head}.{_part(claims)}"
    digest = hmac.new(provider.key.as_pem(private=False), said.encode(), hashlib.sha256).digest()
    return f"{said}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def unsigned(claims: dict[str, Any], signature: str) -> str:
    """`alg: none`."""
    return f"{_part({'alg': 'none', 'kid': 'k1'})}.{_part(claims)}.{signature}"


def _part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
