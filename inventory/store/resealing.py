"""The table of sealed secrets, page by page, for sealing every one of them with another key.

A row is replaced only while it holds what was read: a secret that somebody writes meanwhile stays,
and the next pass finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.store.engine import WRITES, answering, make_engine
from inventory.store.tables import LEASES, SECRETS

PAGE = 200


@dataclass(frozen=True, slots=True)
class Sealed:
    """One row."""

    owner: str
    name: str
    sealed: bytes


class SealedRows:
    """The rows of one database."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)

    def pages(self, *, size: int = PAGE) -> Iterator[Sequence[Sealed]]:
        """All of them, in order, each page read when it is its turn."""
        last: tuple[str, str] = ("", "")
        key = sa.tuple_(SECRETS.c.owner, SECRETS.c.name)
        while True:
            page = sa.select(SECRETS).where(key > last).order_by(SECRETS.c.owner, SECRETS.c.name)
            with answering(self._engine), self._engine.connect() as connection:
                found = [Sealed(*row) for row in connection.execute(page.limit(size))]
            if not found:
                return
            yield found
            last = (found[-1].owner, found[-1].name)

    def replace(self, fresh: Sequence[tuple[Sealed, bytes]]) -> int:
        """Write these in one transaction; how many still held what was read."""
        written = 0
        engine = self._engine.execution_options(**{WRITES: True})
        with answering(self._engine), engine.begin() as connection:
            for row, sealed in fresh:
                same = sa.and_(
                    SECRETS.c.owner == row.owner,
                    SECRETS.c.name == row.name,
                    SECRETS.c.sealed == row.sealed,
                )
                change = sa.update(SECRETS).where(same).values(sealed=sealed)
                written += connection.execute(change).rowcount
        return written

    def workers(self, now: datetime) -> list[str]:
        """Whose leases are good: services that have a key in their memory."""
        good = sa.select(LEASES.c.owner).where(LEASES.c.expires_at > now.timestamp()).distinct()
        with answering(self._engine), self._engine.connect() as connection:
            return sorted(connection.scalars(good))

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()
