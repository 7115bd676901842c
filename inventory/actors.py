"""Who asks: a key's holder or a person, with the roles they hold and where they hold them.

Everything that decides about access asks this one value. It is made anew for every request from the
records, so that a revoked key, a disabled person or a taken grant counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory.permissions import AT_A_SITE, ROLES, Permission
from inventory.refusals import Refused


@dataclass(frozen=True, slots=True)
class Power:
    """A role, at one site or everywhere."""

    role: str
    site: str = ""
    """Empty: everywhere."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks."""

    powers: tuple[Power, ...]
    tenant: str = ""
    """The only tenant this actor may see or act for; empty for those who work for the site."""
    key_id: str = ""
    user: str = ""
    session_id: str = ""
    """Set when it came with a browser's cookie."""
    only: frozenset[Permission] | None = None
    """A key's own narrower permissions; None: all of its role."""
    requests_per_minute: int = 0
    """A key's own limit; 0: that of everybody."""
    read_only: bool = False
    """Whether it is the key's own reading that `only` leaves it."""
    networks: tuple[str, ...] = ()
    """Where alone a key may be used from; none: anywhere, as a person may be."""

    @property
    def id(self) -> str:
        """One word for whoever asks: the same over every session of a person."""
        return f"user:{self.user}" if self.user else f"key:{self.key_id}"

    @property
    def role(self) -> str:
        """The roles held anywhere, for people to read."""
        return " and ".join(dict.fromkeys(power.role for power in self.powers)) or "no"

    @property
    def name(self) -> str:
        """How events name this actor."""
        return f"user {self.user}" if self.user else f"{self.role} key {self.key_id}"

    def may(self, permission: Permission) -> bool:
        """True when it may do this somewhere."""
        return self.sites_for(permission) != frozenset()

    def sites_for(self, permission: Permission) -> frozenset[str] | None:
        """Where it may do this: None is everywhere, an empty set is nowhere."""
        if self.only is not None and permission not in self.only:
            return frozenset()
        where = {p.site for p in self.powers if permission in ROLES.get(p.role, frozenset())}
        if "" in where:
            return None
        return frozenset(where) if permission in AT_A_SITE else frozenset()

    def acting_for(self, tenant: str) -> str:
        """The tenant that a request is about: the actor's own, else the one that was named."""
        if self.tenant and tenant and tenant != self.tenant:
            raise Refused(
                403,
                "forbidden",
                f"this key belongs to tenant {self.tenant} and cannot act for {tenant}",
                hint="leave the tenant out, or use a key of that tenant",
            )
        return self.tenant or tenant

    def may_see(self, tenant: str) -> bool:
        """True when a tenant's records are this actor's to see."""
        return not self.tenant or self.tenant == tenant
