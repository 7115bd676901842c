"""Passwords of local users: Argon2id, the one slow thing here, and slow on purpose.

Parameters are the second choice of RFC 9106, section 4 (64 MiB, 3 passes, 4 lanes; 0.1 s on a
server's core), well over OWASP's least (19 MiB, 2 passes). A name that does not exist costs as much
as a wrong password, so time tells nobody which accounts there are; and only a few are worked on at
once, so that a flood of sign-ins cannot take the machine's memory.
"""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from inventory.refusals import Refused

AT_ONCE = 2
LENGTH_MIN = 15
"""NIST SP 800-63B-4, section 3.1.1.2: where a password is the only proof."""
LENGTH_MAX = 256
DIFFERENT_MIN = 6
NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$aQH/FL4a7F52VziMTaHeMg"
    "$FLsFnYQOWVKPEcePVdEJhe3nftsZKxKh2868+JC9igo"
)
"""A hash that no password is checked against but in vain."""


class Passwords:
    """Hashes and checks, a few at a time. Blocks: call it in a thread."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        """What is stored of a password."""
        with self._room:
            return self._hasher.hash(password)

    def right(self, stored: str, password: str) -> bool:
        """True when it is this password; an empty `stored` takes as long and is never right."""
        with self._room:
            try:
                self._hasher.verify(stored or NOBODYS, password)
            except (VerificationError, InvalidHashError):
                return False
        return bool(stored)

    def outdated(self, stored: str) -> bool:
        """True when it was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def require_good(password: str, *, user: str) -> None:
    """Refuse a password that is easily guessed. Length is what counts; no rules of signs."""
    why = _weakness(password, user)
    if why:
        raise Refused(
            422,
            "invalid",
            f"the password {why}",
            path="password",
            hint=f"use {LENGTH_MIN} characters or more: four or five random words do well",
        )


def _weakness(password: str, user: str) -> str:
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return f"has {len(password)} characters, not {LENGTH_MIN} to {LENGTH_MAX}"
    if len(set(password)) < DIFFERENT_MIN:
        return f"has fewer than {DIFFERENT_MIN} different characters"
    if user in password.lower() and len(password) < LENGTH_MIN + len(user):
        return "is little more than the user's name"
    return ""
