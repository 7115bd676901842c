"""The cooling units that a site wants read: their addresses, passwords and pinned certificates.

They are few and change seldom, so they stand in a file that the service's user alone may read. A
unit is named as its record is (`/api/cdus`), whose rack says which loop it feeds.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from provisioning.drivers.credentials import BmcMisconfigured, Trust
from provisioning.drivers.redfish.address import SCHEME, Endpoint

FORM = (
    '[{"name": "lab-r1-cdu", "address": "redfish+https://10.0.0.9", "username": "reader", '
    '"password": "…", "fingerprint": "sha256:…"}]'
)


class CoolingUnit(BaseModel):
    """One of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    address: str = Field(pattern=rf"^{re.escape(SCHEME)}://")
    username: str = Field(min_length=1)
    password: SecretStr
    fingerprint: str = Field(min_length=1)

    @field_validator("address")
    @classmethod
    def _is_an_endpoint(cls, address: str) -> str:
        """Told now: a unit that cannot be asked would end the watch of all others."""
        try:
            Endpoint.parse(address)
        except BmcMisconfigured as error:
            raise ValueError(error.hint) from None
        return address

    @field_validator("fingerprint")
    @classmethod
    def _is_a_pin(cls, fingerprint: str) -> str:
        try:
            Trust.parse(address="", fingerprint=fingerprint, ca_file=None)
        except BmcMisconfigured as error:
            raise ValueError(error.hint) from None
        return fingerprint


_UNITS = TypeAdapter(tuple[CoolingUnit, ...])


def read_units(path: Path | None) -> tuple[CoolingUnit, ...]:
    """Every unit of the file; none without one."""
    if path is None:
        return ()
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BmcMisconfigured(
                f"{path}: others may read the passwords of cooling units", hint=f"chmod 600 {path}"
            )
        return _UNITS.validate_json(path.read_bytes())
    except OSError as error:
        raise BmcMisconfigured(
            f"{path}: the cooling units cannot be read ({error.strerror})",
            hint="set PODYARD_COOLING_UNITS to a file that is there, or leave it out",
        ) from error
    except ValidationError as error:
        # Never the input, which holds passwords.
        wrong = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in wrong["loc"]) or "the file"
        raise BmcMisconfigured(
            f"{path}: {where}: {wrong['msg']}", hint=f"write it as {FORM}"
        ) from None
