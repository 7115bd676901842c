"""One reader of the events for everybody who follows them.

Two hundred open pages must not be two hundred pollers of the database. While anybody follows, one
task reads what is new twice a second and hands it to each follower's bounded queue; when nobody
does, nothing is read. A follower that reads too slowly loses its queue, not its place: it catches
up from the records, so memory stays bounded and no event is skipped.

The store promises that events become visible in the order of their numbers, so a cursor that a
client was given never passes an event by.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from inventory.errors import StoreUnavailable
from inventory.model import Event
from inventory.refusals import Refused
from inventory.store.protocol import PAGE_MAX, Store
from inventory.threads import InThread

log = logging.getLogger("podyard.following")

READ_EVERY_S = 0.5  # a person watching sees no delay; one indexed read costs well under 1 ms
QUEUE_MAX = 256  # a burst of a whole wave; beyond it the records are the better queue
SEATS_PER_KEY_MAX = 10  # open pages of one person, and a script or two
SEATS_MAX = 1000
NOBODY = -1
"""Instead of the last number handed on, while nobody follows."""

HEARTBEAT_S = 15.0  # proxies close what is silent for 30 to 60 s


@dataclass(eq=False)
class Seat:
    """One follower's place. It begins behind, so that it reads from its cursor first."""

    key_id: str
    queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    behind: bool = True

    def hand(self, event: Event) -> None:
        """Queue an event, or remember that the records must be read."""
        if self.behind:
            return
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.behind = True

    def caught_up(self) -> None:
        """Begin anew with an empty queue."""
        self.behind = False
        while not self.queue.empty():
            self.queue.get_nowait()


class Following:
    """The reader and those who sit with it. One per process."""

    def __init__(self, store: Store, in_thread: InThread) -> None:
        self._store = store
        self._in_thread = in_thread
        self._seats: set[Seat] = set()
        self._reader: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._horizon = NOBODY

    @property
    def seats(self) -> int:
        """How many follow now."""
        return len(self._seats)

    @property
    def ended(self) -> bool:
        """True once the service stops: nobody is to go on following."""
        return self._ended.is_set()

    def take_seat(self, key_id: str) -> Seat:
        """A place, or Refused when one key or all together have too many."""
        mine = Counter(seat.key_id for seat in self._seats)[key_id]
        if mine >= SEATS_PER_KEY_MAX or len(self._seats) >= SEATS_MAX:
            whose = "this key follows" if mine >= SEATS_PER_KEY_MAX else "others follow"
            raise Refused(
                429,
                "too-many-followers",
                f"{whose} events {max(mine, SEATS_PER_KEY_MAX)} times already",
                hint="close another page or stream, then try again",
            )
        seat = Seat(key_id)
        self._seats.add(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """Give a place back. Safe to call twice."""
        self._seats.discard(seat)
        if not self._seats and self._reader is not None:
            self._reader.cancel()
            self._reader, self._horizon = None, NOBODY

    def end(self) -> None:
        """The service stops: let every stream end now instead of holding it up."""
        self._ended.set()

    async def until_stopped(self) -> None:
        """Among the service's loops: when those are cancelled, every stream ends."""
        try:
            await self._ended.wait()
        finally:
            self.end()

    async def follow(
        self,
        seat: Seat,
        *,
        after: int | None,
        subject: str = "",
        wants: Callable[[Event], bool],
        beat_s: float = HEARTBEAT_S,
    ) -> AsyncIterator[Event | None]:
        """Events after a cursor (None: from now on), and None when there was none for a while."""
        clock = asyncio.get_running_loop().time
        last = await self._start() if after is None else after
        told_s = clock()
        while not self.ended:
            await self._start()
            found = (
                self._caught_up(seat, last, subject) if seat.behind else self._queued(seat, beat_s)
            )
            async for event in found:
                if event is not None and event.seq > last:
                    last = event.seq
                    if (not subject or event.subject == subject) and wants(event):
                        told_s = clock()
                        yield event
                # Also where others' events come all the time: whoever follows is asked again.
                if clock() - told_s >= beat_s:
                    told_s = clock()
                    yield None

    async def _caught_up(self, seat: Seat, after: int, subject: str) -> AsyncIterator[Event | None]:
        """From the cursor to where the reader is; what comes meanwhile is queued."""
        seat.caught_up()
        upto = self._horizon
        while after < upto:
            page = await self._in_thread(self._store.events, after=after, subject=subject)
            for event in page:
                if event.seq <= upto:
                    yield event
            after = page[-1].seq if len(page) == PAGE_MAX else upto

    async def _queued(self, seat: Seat, beat_s: float) -> AsyncIterator[Event | None]:
        yield await self._next(seat, beat_s)

    async def _next(self, seat: Seat, beat_s: float) -> Event | None:
        taking = asyncio.ensure_future(seat.queue.get())
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait(
                {taking, ending}, timeout=beat_s, return_when=asyncio.FIRST_COMPLETED
            )
            return taking.result() if taking.done() else None
        finally:
            taking.cancel()
            ending.cancel()

    async def _start(self) -> int:
        """Begin reading where nobody does, and say from where."""
        if self._horizon == NOBODY:
            last = await self._in_thread(self._store.last_event)
            # Somebody else may have begun meanwhile: a later start would skip what it still owes.
            if self._horizon == NOBODY:
                self._horizon = last
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return self._horizon

    async def _read(self) -> None:
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), READ_EVERY_S)
            try:
                page = await self._in_thread(self._store.events, after=self._horizon)
            except StoreUnavailable as error:
                log.warning("events cannot be read now", extra={"cause": str(error)})
                continue
            for event in page:
                self._horizon = event.seq
                for seat in tuple(self._seats):
                    seat.hand(event)
