"""Signing in with a key or a password, slowed down for whoever guesses.

An address may try so many times a minute, and an account waits longer after each failure, whether
it exists or not. What was wrong is never said: a wrong name, a wrong password, a disabled person
and a revoked key are answered alike and in the same time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inventory.actors import Actor
from inventory.deps import ApiDeps
from inventory.errors import StaleWrite
from inventory.identity import actor_of_key, actor_of_user
from inventory.keys import opens, split, usable_from
from inventory.model import ApiKey
from inventory.passwords import LENGTH_MAX, Passwords
from inventory.rate_limits import Backoff, Buckets, Rate
from inventory.refusals import Refused
from inventory.sessions import open_session
from inventory.store.protocol import Change
from inventory.users import Session, User


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was opened."""

    actor: Actor
    session: Session
    token: str
    """For the cookie; it is kept nowhere else."""


class SignIn:
    """What lies between two attempts: counters and the password hasher. One per process."""

    def __init__(self, deps: ApiDeps, *, passwords: Passwords | None = None) -> None:
        self._deps = deps
        self._passwords = passwords or Passwords()
        self._addresses = Buckets()
        self._accounts = Backoff()

    @property
    def passwords(self) -> Passwords:
        """The hasher, for setting one."""
        return self._passwords

    def admit(self, address: str) -> None:
        """Refuse an address that tries too often."""
        rate = Rate.per_minute(self._deps.access.attempts_per_minute)
        allowance = self._addresses.take(address, rate, now=self._deps.clock.now())
        if not allowance.allowed:
            raise too_often(allowance.retry_after_s)

    async def with_key(self, text: str, *, address: str) -> SignedIn:
        """Open a session for whoever holds this key."""
        self.admit(address)
        return await self._deps.in_thread(self._with_key, text, address)

    async def with_password(self, name: str, password: str, *, address: str) -> SignedIn:
        """Open a session for a person."""
        self.admit(address)
        account = name[:64]
        wait_s = self._accounts.wait_s(account, now=self._deps.clock.now())
        if wait_s > 0:
            raise too_often(wait_s)
        try:
            signed_in = await self._deps.in_thread(self._with_password, name, password, address)
        except Refused:
            self._accounts.failed(account, now=self._deps.clock.now())
            raise
        self._accounts.succeeded(account)
        return signed_in

    def open_for(self, user: User, *, address: str) -> SignedIn:
        """Open a session for a person who was proved to be one. Blocks."""
        deps, now = self._deps, self._deps.clock.now()
        session, token = open_session(
            now=now, lasts=deps.access.lasts, user=user.name, address=address
        )
        fresh = user.model_copy(update={"last_login_at": now})
        deps.store.apply(Change(insert=(session,), replace=(fresh,)), now=now)
        return SignedIn(actor_of_user(user, session=session.id), session, token)

    def _with_key(self, text: str, address: str) -> SignedIn:
        deps, now = self._deps, self._deps.clock.now()
        parts = split(text.strip())
        key = deps.store.get(ApiKey, parts[0]) if parts else None
        if parts is None or key is None or not opens(key, parts[1], now=now):
            raise not_right()
        if key.role == "setup" or not usable_from(key, address):
            raise not_right()
        session, token = open_session(
            now=now, lasts=deps.access.lasts, key_id=key.id, address=address
        )
        deps.store.apply(Change(insert=(session,)), now=now)
        return SignedIn(actor_of_key(key, session=session.id), session, token)

    def _with_password(self, name: str, password: str, address: str) -> SignedIn:
        user = self._deps.store.get(User, name)
        stored = user.password_hash if user and not user.disabled else ""
        right = self._passwords.right(stored, password[: LENGTH_MAX + 1])
        if user is None or not right:
            raise not_right()
        if self._passwords.outdated(stored):
            user = user.model_copy(update={"password_hash": self._passwords.hash(password)})
        try:
            return self.open_for(user, address=address)
        except StaleWrite as error:  # changed this moment, perhaps disabled: judge it again
            raise too_often(1.0) from error


def not_right() -> Refused:
    """The one answer to every wrong proof."""
    return Refused(
        401,
        "unauthenticated",
        "this key, or this name and password, is not right",
        hint="check the spelling; an admin can set a new password: podyard user set-password NAME",
    )


def too_often(wait_s: float) -> Refused:
    """Wait."""
    return Refused(
        429,
        "too-many-requests",
        "too many attempts to sign in",
        hint=f"wait {max(1, math.ceil(wait_s))} s and try again",
        headers={"Retry-After": str(max(1, math.ceil(wait_s)))},
    )
