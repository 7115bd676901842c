"""One byte string per value, so that a digest means the value and not its spelling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value with sorted keys, no spaces, no NaN: RFC 8785 for our subset."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_of(value: Any) -> str:
    """`sha256:…` over the canonical encoding of a JSON value."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


_DIGEST = "_digest"


class Digested(BaseModel):
    """A frozen document that works its digest out once: one of a large pod takes milliseconds.

    It is kept as a cached property would be, beside the fields, where neither equality nor
    what is written looks, under a name that no field can have; a copy begins without it.
    """

    model_config = ConfigDict(frozen=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As every model's, and without the digest."""
        copied = super().model_copy(update=update, deep=deep)
        for name in [name for name in copied.__dict__ if name.startswith("_")]:
            del copied.__dict__[name]
        return copied

    def _once(self, work_out: Callable[[], str]) -> str:
        known: str | None = self.__dict__.get(_DIGEST)
        if known is None:
            known = self.__dict__[_DIGEST] = work_out()
        return known
