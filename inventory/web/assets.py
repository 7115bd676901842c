"""The style sheet and the scripts: our own files, each under the hash of its content.

A browser may keep what it has for ever, and has the new one at once when we change it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from fastapi.responses import Response

from inventory.auth import public
from inventory.errors import NotFound

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HASH_CHARS = 16


def asset_path(name: str) -> str:
    """The address of a file."""
    return f"/static/{_assets()[name][0]}/{name}"


@router.get("/static/{digest}/{name}", dependencies=[Depends(public)])
async def static_file(
    digest: Annotated[str, PathParameter(max_length=64)],
    name: Annotated[str, PathParameter(max_length=64)],
) -> Response:
    """One file, if it is exactly this one."""
    known, content = _assets().get(name, ("", b""))
    if not known or digest != known:
        raise NotFound("no such file", hint="load the page again: it names the newest one")
    return Response(
        content,
        media_type=KINDS[Path(name).suffix],
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


@cache
def _assets() -> dict[str, tuple[str, bytes]]:
    return {
        file.name: (hashlib.sha256(content := file.read_bytes()).hexdigest()[:HASH_CHARS], content)
        for file in sorted(STATIC.iterdir())
        if file.suffix in KINDS
    }
