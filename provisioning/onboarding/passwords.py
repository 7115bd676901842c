"""Passwords that a BMC takes: as long as its own policy wants, of every class of characters.

Sites set policies that a fixed length violates, and a BMC that refuses a password after half of a
rotation is the trouble that this avoids: its own AccountService is asked for its bounds first. What
no service tells, such as which signs a BMC takes, is learned from refusals: the shapes are tried
from the strongest on.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from provisioning.drivers.capabilities import PasswordPolicy
from provisioning.errors import Unsupported

SIGNS = "!#%+-.:=@_"
"""No quote, blank, backslash, dollar sign, comma or semicolon: vendors' tools and web pages mangle
them."""
LETTERS = (string.ascii_uppercase, string.ascii_lowercase, string.digits)
CLASSES = (*LETTERS, SIGNS)
LOOKALIKES = frozenset("0O1lI")
"""Left out: one day a person reads this from a screen and types it on a console."""
WANTED_LENGTH = 20  # the most that IPMI 2.0 takes; 120 bits
LEAST_LENGTH = 12  # 70 bits: less is worth attacking offline, since IPMI gives hashes away


@dataclass(frozen=True, slots=True)
class Shape:
    """What a password is made of, beside letters and digits."""

    signs: str
    length: int


SHAPES = (
    Shape(SIGNS, WANTED_LENGTH),
    Shape("-_.", WANTED_LENGTH),
    Shape("", WANTED_LENGTH),
    Shape(SIGNS, 16),
    Shape("", 16),
)
"""As they are tried. 16 is what IPMI 1.5 has room for; the weakest has 90 bits."""


def generate(
    policy: PasswordPolicy,
    shape: Shape = SHAPES[0],
    *,
    pick: Callable[[Sequence[str]], str] = secrets.choice,
) -> SecretStr:
    """A password within the policy, or Unsupported when the policy allows weak ones alone."""
    longest = policy.length_max or max(shape.length, policy.length_min)
    if policy.length_min > longest or longest < LEAST_LENGTH:
        raise Unsupported(
            f"the BMC's password policy (length {policy.length_min} to {longest}) allows no "
            f"password of {LEAST_LENGTH} characters or more",
            hint="set MinPasswordLength and MaxPasswordLength at the BMC's AccountService",
        )
    length = min(max(shape.length, policy.length_min), longest)
    classes = [
        [sign for sign in one if sign not in LOOKALIKES] for one in (*LETTERS, shape.signs) if one
    ]
    every = [sign for one in classes for sign in one]
    # One of each class, the rest from all, then in a random order.
    drawn = [pick(one) for one in classes] + [pick(every) for _ in range(length - len(classes))]
    mixed: list[str] = []
    while drawn:
        place = int(pick([str(index) for index in range(len(drawn))]))
        mixed.append(drawn.pop(place))
    return SecretStr("".join(mixed))
