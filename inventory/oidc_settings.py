"""The settings of OpenID Connect. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from inventory.users import Grant

GRANT_FORM = re.compile(r"^(viewer|operator|admin)(?:@([a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?))?$")


class OidcSettings(BaseSettings):
    """Read by the composition root from `PODYARD_OIDC_…`."""

    model_config = SettingsConfigDict(
        env_prefix="PODYARD_OIDC_", frozen=True, populate_by_name=True
    )

    issuer: str = ""
    """The provider's address, exactly as its tokens say it. Empty: nobody signs in this way."""
    client_id: str = ""
    """What the provider calls this service."""
    client_secret: SecretStr = SecretStr("")
    """Empty for a public client: PKCE is always used."""
    public_url: str = Field(
        default="",
        validation_alias=AliasChoices("PODYARD_OIDC_PUBLIC_URL", "PODYARD_ACCESS_PUBLIC_URL"),
    )
    """This service's address as browsers see it; the provider sends them back to
    `<public_url>/sign-in/oidc/callback`. Default: that of `PODYARD_ACCESS_PUBLIC_URL`."""
    scopes: str = "openid profile email groups"
    """What is asked for; `openid` must be among it."""
    groups_claim: str = "groups"
    """The claim that lists a person's groups."""
    grants: dict[str, list[str]] = Field(default={})
    """Group to roles, as JSON: `{"pod-admins": ["admin"], "zrh-ops": ["operator@zrh1"]}`."""
    tenants: dict[str, str] = Field(default={})
    """Group to the tenant whose people it lists, as JSON."""
    other_hosts: tuple[str, ...] = ()
    """Hosts beside the issuer's own that may serve its keys and tokens, as JSON: some large
    providers have several."""
    ca_file: Path | None = None
    """Authorities to trust instead of the system's."""

    @field_validator("issuer", "public_url")
    @classmethod
    def _verified_or_local(cls, url: str) -> str:
        if url:
            require_safe(url)
        return url

    @field_validator("grants")
    @classmethod
    def _known_roles(cls, grants: dict[str, list[str]]) -> dict[str, list[str]]:
        for group, words in grants.items():
            for word in words:
                if not GRANT_FORM.match(word):
                    raise ValueError(f"{group}: {word!r} is no role, nor role@site")
        return grants

    @property
    def enabled(self) -> bool:
        """True when people may sign in this way."""
        return bool(self.issuer and self.client_id and self.public_url)

    @property
    def redirect_url(self) -> str:
        """Where the provider sends a browser back to."""
        return f"{self.public_url.rstrip('/')}/sign-in/oidc/callback"

    @property
    def hosts(self) -> frozenset[str]:
        """Hosts, with their ports, that are ever asked for anything."""
        return frozenset({urlsplit(self.issuer).netloc, *self.other_hosts})

    def grants_of(self, groups: frozenset[str]) -> tuple[Grant, ...]:
        """The roles that these groups give."""
        found: dict[Grant, None] = {}
        for group, words in self.grants.items():
            for word in words if group in groups else ():
                role, _, site = word.partition("@")
                held = cast("Literal['viewer', 'operator', 'admin']", role)
                found[Grant(role=held, site=site)] = None
        return tuple(found)

    def tenant_of(self, groups: frozenset[str]) -> str:
        """The tenant that these groups belong to; none for two, as nobody acts for two."""
        found = {tenant for group, tenant in self.tenants.items() if group in groups}
        return next(iter(found)) if len(found) == 1 else ""


def require_safe(url: str) -> None:
    """ValueError unless the address is https, or http on this machine."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment or not parts.hostname:
        raise ValueError(f"{url!r} is no plain address")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
        raise ValueError(f"{url!r} is not https")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
