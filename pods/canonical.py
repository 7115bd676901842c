"""One byte string per value, so that a digest or a signature means the value and not its spelling."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Encode a JSON value with sorted keys, no spaces and no NaN, as RFC 8785 does for our subset."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`sha256:…` over the canonical encoding of a JSON value."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()
