"""What a site wants done at its BMCs, beside what every BMC gets.

A vendor's password is always replaced: nobody has a reason to keep it. Whether IPMI over LAN is
closed and whose certificate a BMC shows is the site's to say, since other tools may depend on it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AdoptionPolicy(BaseModel):
    """What is done at the BMCs of one site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    close_ipmi: bool = True
    """Switch IPMI over LAN off, or, at a host that is spoken to over IPMI, its weak suites."""
    certificates: bool = False
    """Install a certificate of the site's own authority where the BMC takes one."""
    rotate_every_days: float = Field(default=0.0, ge=0)
    """How old a password may become that podyard made; 0: podyard does not rotate by itself."""


COMMON = AdoptionPolicy()
"""What every site gets that says nothing."""
