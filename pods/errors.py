"""Everything that can go wrong on this floor, arranged by what the caller should do.

PodsError
├── SpecNotFound         no spec of that name, no such file: choose another name
├── SpecInvalid          the file is wrong: carries every `SpecError` found, not the first
├── PlanError            the design is sound but cannot be brought up within its feeds
├── FabricError          the switches' ports cannot carry this many hosts
├── ImageRefused         a firmware image is missing or is not the one that the spec names
├── RatingRefused        an unknown profile or part, or ratings that must not be summed
├── CapacityRefused      a demand that cannot be turned into pods, or an input that is missing
├── KeyRefused           a signing or public key is unusable, or readable by others
└── CertificateRefused   a certificate must not be believed; `refusal` says which rule it broke
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

VALUE_CHARS_MAX = 80
"""A value in a message is shown this far: enough to find it, too little to flood a terminal."""

ERRORS_SHOWN_MAX = 50
"""A hostile file can hold 100,000 mistakes; nobody reads past the first screens."""


def shown(value: Any) -> str:
    """A value as a message may carry it: one line, printable ASCII escapes, cut to size."""
    text = value if isinstance(value, str) else repr(value)
    cut = text[: VALUE_CHARS_MAX + 1]
    quoted = repr(cut[:VALUE_CHARS_MAX]) if isinstance(value, str) else _escaped(cut)
    return quoted + "…" if len(cut) > VALUE_CHARS_MAX else quoted


def _escaped(text: str) -> str:
    return text[:VALUE_CHARS_MAX].encode("unicode_escape").decode("ascii")


@dataclass(frozen=True, slots=True)
class SpecError:
    """One thing wrong in a spec: where, what stands there, what is wrong and what to do."""

    path: str
    value: str
    message: str
    hint: str

    def __str__(self) -> str:
        got = f" (got {self.value})" if self.value else ""
        return f"{self.path or 'spec'}: {self.message}{got}\nhint: {self.hint}"


class PodsError(Exception):
    """Base of all; `hint` ends a message shown to a person."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SpecNotFound(PodsError):
    """No shipped spec has this name and no file lies at this path."""


class SpecInvalid(PodsError):
    """A spec that breaks rules, with all of them."""

    def __init__(self, source: str, errors: tuple[SpecError, ...]) -> None:
        lines = [str(error) for error in errors[:ERRORS_SHOWN_MAX]]
        if len(errors) > ERRORS_SHOWN_MAX:
            lines.append(f"… and {len(errors) - ERRORS_SHOWN_MAX} more")
        super().__init__(
            f"{source}: {len(errors)} wrong:\n" + "\n".join(lines),
            hint=errors[0].hint if errors else "",
        )
        self.source = source
        self.errors = errors


class PlanError(PodsError):
    """No order of starting the hosts keeps every feed within its budget."""


class FabricError(PodsError):
    """The switches' ports cannot join this many hosts, or the spec has no fabric."""


class ImageRefused(PodsError):
    """A firmware image is missing, or its digest is not the spec's."""


class RatingRefused(PodsError):
    """An unknown profile or accelerator, or ratings that must not be summed."""


class CapacityRefused(PodsError):
    """A demand that cannot be sized, or an input that nobody gave."""


class KeyRefused(PodsError):
    """A key file is missing, malformed, of the wrong kind or readable by others."""


class Refusal(StrEnum):
    """Which rule a refused certificate broke."""

    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    PURPOSE_DISAGREES = "purpose_disagrees"
    INCONSISTENT = "inconsistent"
    FLOORS_NOT_MET = "floors_not_met"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    ANOTHER_SPEC = "another_spec"
    KEY_NOT_YET = "key_not_yet"
    KEY_RETIRED = "key_retired"
    REVOKED = "revoked"
    KEY_REVOKED = "key_revoked"
    REVOCATIONS_STALE = "revocations_stale"
    REVOCATIONS_FOREIGN = "revocations_foreign"


class CertificateRefused(PodsError):
    """A certificate that must not be believed."""

    def __init__(self, message: str, *, refusal: Refusal, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.refusal = refusal
