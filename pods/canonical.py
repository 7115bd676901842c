"""One byte string per value, so that a digest means the value and not its spelling."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value with sorted keys, no spaces, no NaN: RFC 8785 for our subset."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_of(value: Any) -> str:
    """`sha256:…` over the canonical encoding of a JSON value."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()
