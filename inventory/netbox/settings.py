"""Where NetBox is and how far podyard goes there, from the environment (`PODYARD_NETBOX_…`)."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from inventory.netbox.errors import Denied


class NetBoxSettings(BaseSettings):
    """How podyard and NetBox work together."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_NETBOX_", frozen=True)

    url: str = ""
    """NetBox's address, without /api. Empty: no NetBox. Plain http is for 127.0.0.1 alone."""
    token_file: Path | None = None
    """A file with the token (`nbt_…`), readable by its owner alone."""
    ca_file: Path | None = None
    """The authority that signed NetBox's certificate, when the system does not know it."""
    mapping_file: Path | None = None
    """YAML that says which states mean what and who owns which field, where the site differs."""
    owner: str = Field(default="podyard", pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")
    """Marks what this installation made: two podyards may share a NetBox under two names."""
    push: Literal["ask", "always"] = "ask"
    """`ask`: write to NetBox by `podyard netbox apply` alone. `always`: also by itself, and never
    delete."""
    simulated: bool = False
    """Show simulated hosts in NetBox too: for labs, not for a register of real hardware."""
    interval_s: float = Field(default=300.0, ge=5.0)
    """Between two looks at all of NetBox: 500 hosts of eight accelerators cost it about twenty CPU
    seconds."""
    webhook_secret_file: Path | None = None
    """A file with the secret of NetBox's webhook, readable by its owner alone. None: no webhook."""


def read_secret(path: Path | None, *, setting: str) -> SecretStr:
    """A secret that is its owner's alone; Denied says what is wrong with the file."""
    if path is None:
        raise Denied(f"{setting} is not set", hint="write the secret to a file and name it there")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Denied(
            f"{setting} is {path}, which cannot be read", hint="it must be a readable text file"
        ) from error
    if mode & 0o077:
        raise Denied(
            f"{setting} is {path}, which others can read ({mode:04o})", hint=f"chmod 600 {path}"
        )
    if not text or any(c.isspace() for c in text):
        raise Denied(f"{setting} is {path}, which holds no secret", hint="one line, one secret")
    return SecretStr(text)
