"""The settings of what the service sends out. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from inventory.outbound.address import Network


class WebhookSettings(BaseSettings):
    """Read from `PODYARD_WEBHOOKS_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_WEBHOOKS_", frozen=True)

    networks: Annotated[tuple[Network, ...], NoDecode] = Field(default=())
    """Private networks that receivers may be in, with commas: `10.20.0.0/16,127.0.0.1/32`. Outside
    of them a receiver must be on the public internet: whoever names a URL must not reach BMCs."""

    @field_validator("networks", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(
                ipaddress.ip_network(one.strip()) for one in value.split(",") if one.strip()
            )
        return value
