"""A wire between one service and PostgreSQL that a test can cut.

A cut wire is a silent one: nothing is refused and nothing arrives, as when a switch loses a port.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = 65536


class Wire:
    """Forwards TCP to a server's Unix socket, in a thread of its own."""

    def __init__(self, sockets: Path) -> None:
        self._server = sockets / ".s.PGSQL.5432"
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._ends: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self.port = 0

    def start(self) -> None:
        """Listen on a free port."""
        self._thread.start()
        self._ready.wait(10)

    def url(self, name: str) -> str:
        """The address of a database behind this wire."""
        return f"postgresql+psycopg://podyard@127.0.0.1:{self.port}/{name}"

    def cut(self) -> None:
        """From now on nothing arrives at either end."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """Whole again; what was open is gone."""
        self._loop.call_soon_threadsafe(self._mend)

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _mend(self) -> None:
        for end in self._ends:
            end.transport.abort()
        self._whole.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._whole.set()
        listening = self._loop.run_until_complete(asyncio.start_server(self._join, "127.0.0.1", 0))
        self.port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        listening.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._whole.wait()
            there, back = await asyncio.open_unix_connection(self._server)
            self._ends.add(back)
            await asyncio.gather(self._forward(reader, back), self._forward(there, writer))
            self._ends.discard(back)
        self._ends.discard(writer)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


@contextmanager
def wire(sockets: Path) -> Iterator[Wire]:
    """A whole wire, gone afterwards."""
    made = Wire(sockets)
    made.start()
    try:
        yield made
    finally:
        made.stop()
