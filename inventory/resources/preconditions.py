"""`If-Match` and `If-None-Match`: is a record still as the client read it?

Whoever writes must mean exactly the state that there is, so a weak tag never lets a write through
(RFC 9110, 13.1.1). Whoever reads again may be content with a weak one (13.1.2).
"""

from __future__ import annotations

from inventory.refusals import Refused
from inventory.resources.declaring import Resource
from inventory.resources.reading import etag_of
from inventory.store.outline import Row

WEAK = "W/"


def same(header: str, etag: str) -> bool:
    """Whether an If-Match header names this very tag, or any."""
    return any(one.strip() in {"*", etag} for one in header.split(","))


def like(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names this tag, be it weakly, or any."""
    return any(one.strip().removeprefix(WEAK) in {"*", etag} for one in header.split(","))


def changed_meanwhile(resource: Resource, row: Row, if_match: str) -> Refused:
    """412, with the tag that the record has now."""
    weak = like(if_match, etag_of(row))
    return Refused(
        412,
        "changed-meanwhile",
        f"this {resource.noun} is no longer as you read it"
        if not weak
        else "a weak tag proves nothing to a write",
        path="If-Match",
        value=etag_of(row),
        hint="read it again and decide again; its tag is in ETag"
        if not weak
        else "send the tag as ETag has it; what stands between us must not weaken it",
        headers={"ETag": etag_of(row)},
    )
