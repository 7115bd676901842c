"""The settings of signing in and of access. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from inventory.oidc_settings import require_safe


class AccessSettings(BaseSettings):
    """Read by the composition root from `PODYARD_ACCESS_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_ACCESS_", frozen=True)

    public_url: str = ""
    """This service's address as browsers see it, as https://podyard.example.org: links and codes
    begin with it, whatever a proxy sends. Empty: they begin with the address that was asked."""
    hosts: tuple[str, ...] = ()
    """Without a public address: names that requests may be for, as JSON, besides this machine's
    loopback and the address that is listened on. Others are answered 400."""
    session_hours: float = Field(default=12.0, gt=0, le=24 * 30)
    """A browser signs in again after this long, as NIST SP 800-63B has it for a working day."""
    idle_minutes: float = Field(default=30.0, gt=1)
    """A session that nobody used for this long has ended (NIST SP 800-63B, level 2)."""
    attempts_per_minute: int = Field(default=20, ge=1)
    """Sign-ins that one address may try."""
    requests_per_minute: int = Field(default=30_000, ge=1)
    """Requests that one key or person may send to the API, unless the key has a limit of its own:
    500 a second, over what one client needs, and less than what would keep others out."""
    unknown_per_minute: int = Field(default=300, ge=1)
    """Requests without a good key or session that one address may send."""

    @field_validator("public_url")
    @classmethod
    def _verified_or_local(cls, url: str) -> str:
        if url:
            require_safe(url)
        return url

    @property
    def lasts(self) -> timedelta:
        """Longest life of a session."""
        return timedelta(hours=self.session_hours)

    @property
    def idle(self) -> timedelta:
        """Longest rest of a session."""
        return timedelta(minutes=self.idle_minutes)
