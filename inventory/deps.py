"""What the doors are given to work with: every outside thing comes in here, by hand.

The same values serve the API in production and in a simulation with a virtual clock; a route never
reaches for anything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from inventory.access_settings import AccessSettings
from inventory.allowed import LearnedTimes
from inventory.audit_anchors import Anchors
from inventory.clock import Clock
from inventory.expecting.trusting import OnboardingSettings
from inventory.netbox.door import NetBoxDoor
from inventory.oidc_settings import OidcSettings
from inventory.secrets import SecretBox
from inventory.store.protocol import Store
from inventory.threads import InThread


class CertificateKey(BaseModel):
    """A public key that verifies this site's certificates, and what it may vouch for."""

    model_config = ConfigDict(frozen=True)

    key_id: str
    purpose: str
    """`production` or `simulated`."""
    pem: str


@dataclass(frozen=True, slots=True)
class ApiDeps:
    """Everything outside the API."""

    store: Store
    clock: Clock
    secrets: SecretBox
    in_thread: InThread
    wake: Callable[[], None]
    """Asks the loops to look now. Called on the event loop, never from a thread."""
    certificate_keys: tuple[CertificateKey, ...] = ()
    names: frozenset[str] | None = None
    """What this service is called besides loopback; None: requests for any name are answered."""
    access: AccessSettings = field(default_factory=AccessSettings)
    oidc: OidcSettings = field(default_factory=OidcSettings)
    onboarding: OnboardingSettings = field(default_factory=OnboardingSettings)
    anchors: Anchors | None = None
    """Signs the head of the audit log; None: nothing is signed."""
    netbox: NetBoxDoor | None = None
    """The sync with NetBox; None: no NetBox is configured."""
    hold_file: Path | None = None
    """The file of this machine that holds the fleet; None: only the database's note does."""
    times: LearnedTimes = field(default_factory=LearnedTimes)
    """How long hosts of these models take here: what a host is said to be late by."""

    @property
    def public_url(self) -> str:
        """The address that links begin with; empty: the one that was asked."""
        return self.access.public_url or self.oidc.public_url


Narrowed = Callable[[Request, ApiDeps], Awaitable[ApiDeps]]


async def _deps(request: Request) -> ApiDeps:
    """As whoever asks may use them: `narrowed` takes the sites away that are not theirs."""
    deps = request.app.state.deps
    if not isinstance(deps, ApiDeps):
        raise TypeError("the app was not made by build_api")
    narrowed: Narrowed | None = getattr(request.app.state, "narrowed", None)
    return deps if narrowed is None else await narrowed(request, deps)


Deps = Annotated[ApiDeps, Depends(_deps)]
