"""Images over connections that break: taken up where they broke off, a bounded number at once."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import Request

from inventory.model import Pod
from inventory.store.protocol import Change
from provisioning.boot import routes
from provisioning.boot.rate import Rate
from provisioning.boot.transfers import Piece, Transfers, piece_of
from provisioning.simulator.errors import MediaRefused, MediaUnreachable
from provisioning.simulator.media import HttpsMedia
from tests.integration.doors.conftest import Door

pytestmark = pytest.mark.integration

IMAGE = random.Random(7).randbytes(3 * 1024 * 1024)
DIGEST = hashlib.sha256(IMAGE).hexdigest()
TAG = f'"{DIGEST}"'
PATH = f"/boot/v1/firmware/{DIGEST}/h1/large.fw"
CUT_AFTER_BYTES = 700_000


@dataclass
class Wire:
    """A TCP relay to the door that breaks the first so many connections in the middle."""

    port: int
    cuts: int
    passed: int = 0
    """Bytes of the door's answers that came through."""
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end or the wire closes it."""
        self.connections += 1
        breaks = self.connections <= self.cuts
        back, forth = await asyncio.open_connection("127.0.0.1", self.port)
        up = asyncio.create_task(self._pump(reader, forth))
        self.tasks.add(up)
        left = CUT_AFTER_BYTES if breaks else None
        with suppress(OSError):
            while chunk := await back.read(16384):
                self.passed += len(chunk)
                writer.write(chunk)
                await writer.drain()
                left = None if left is None else left - len(chunk)
                if left is not None and left <= 0:
                    break
        up.cancel()
        writer.transport.abort()
        forth.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(16384):
                writer.write(chunk)
                await writer.drain()


@asynccontextmanager
async def wire(door: Door, *, cuts: int) -> AsyncIterator[tuple[Wire, str]]:
    """The relay and the image's address behind it."""
    there = Wire(int(door.url.rpartition(":")[2]), cuts)
    server = await asyncio.start_server(there.relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield there, f"https://127.0.0.1:{port}{PATH}"
    finally:
        server.close()


@pytest.fixture
def large(door: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    """A pod on record names a large image."""
    (pod,) = door.store.find(Pod)
    document = {**pod.spec_document}
    item = {"component": "BIOS", "version": "9.9", "image": "large.fw", "sha256": DIGEST}
    document["firmware"] = {"lab-cpu": [item]}
    changed = pod.model_copy(update={"spec_document": document})
    door.store.apply(Change(replace=(changed,)), now=door.clock.now())
    monkeypatch.setattr(routes, "image_bytes", lambda _item: IMAGE)
    return door


@pytest.mark.parametrize("cuts", [0, 1, 3])
async def test_a_transfer_that_breaks_goes_on_where_it_broke(large: Door, cuts: int) -> None:
    async with wire(large, cuts=cuts) as (line, url):
        assert await HttpsMedia(timeout_s=60).fetch(url) == IMAGE

    assert line.connections == cuts + 1
    # Nothing was sent twice but what was on its way when the wire broke.
    assert line.passed < len(IMAGE) * 1.1 + cuts * 200_000


async def test_a_wire_that_always_breaks_is_given_up(large: Door) -> None:
    async with wire(large, cuts=99) as (line, url):
        with suppress(MediaUnreachable):
            await HttpsMedia(timeout_s=60).fetch(url)
        assert 1 < line.connections < 20


async def test_ranges_are_answered_as_they_are_asked_for(large: Door) -> None:
    async def asked(value: str, **headers: str) -> Any:
        return await large.get(PATH, headers={"Range": value, **headers})

    part = await asked("bytes=100-199")
    assert (part.status_code, part.content) == (206, IMAGE[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(IMAGE)}"
    assert (await asked("bytes=-10")).content == IMAGE[-10:]
    beyond = await asked(f"bytes={len(IMAGE)}-")
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(IMAGE)}"
    # Another image by now: from the beginning.
    other = await asked("bytes=100-", **{"If-Range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, len(IMAGE))
    same = await asked("bytes=100-", **{"If-Range": TAG})
    assert (same.status_code, same.content) == (206, IMAGE[100:])


@pytest.mark.parametrize(
    ("asked", "piece"),
    [
        ("", Piece(0, 10)),
        ("bytes=0-", Piece(0, 10)),
        ("bytes=3-3", Piece(3, 4)),
        ("bytes=3-99", Piece(3, 10)),
        ("bytes=-0", None),
        ("bytes=-99", Piece(0, 10)),
        ("bytes=10-", None),
        ("bytes=5-3", Piece(0, 10)),
        ("bytes=-", Piece(0, 10)),
        ("bytes=0-1,3-4", Piece(0, 10)),
        ("items=0-1", Piece(0, 10)),
        ("bytes=" + "9" * 40 + "-", Piece(0, 10)),
    ],
)
def test_a_range_is_read(asked: str, piece: Piece | None) -> None:
    assert piece_of(10, asked, if_range="", tag=TAG) == piece


async def test_no_more_are_sent_at_once_than_may_be() -> None:
    """Who waits is seen, gets its turn, and is told to come back when that takes too long."""
    there = Transfers(at_once=2, turn_s=0.2)

    assert await there._take_turn()
    assert await there._take_turn()
    third = asyncio.create_task(there._take_turn())
    await asyncio.sleep(0.05)
    assert (there.running, there.waiting) == (2, 1)
    there._give_back()
    assert await third
    assert not await there._take_turn()
    assert (there.running, there.waiting) == (2, 0)


async def test_who_is_told_to_come_back_is_known_to_whoever_counts_its_tries() -> None:
    there = Transfers(at_once=1, turn_s=0.05)
    assert await there._take_turn("h1")

    assert not await there._take_turn("h2")

    assert [there.turned_away("h1"), there.turned_away("h2"), there.turned_away("h2")] == [
        False,
        True,
        False,
    ]


async def test_how_large_an_image_is_is_told_at_once_and_takes_no_place_from_anybody() -> None:
    """UEFI firmware asks so before it fetches anything."""
    there = Transfers(at_once=1, turn_s=0.05)
    assert await there._take_turn()

    head = Request({"type": "http", "method": "HEAD", "headers": [(b"range", b"bytes=0-9")]})
    answer = await there.send(IMAGE, tag=TAG, request=head, host_id="h1")

    assert (answer.status_code, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(IMAGE))
    assert answer.headers["etag"] == TAG
    assert (there.running, there.told("h1")) == (1, "")


async def test_a_host_that_waits_is_told_its_place_and_then_what_it_shares() -> None:
    there = Transfers(bytes_per_s=110e6, at_once=1, turn_s=5)

    assert there.told("h1") == ""
    assert await there._take_turn("h1")
    later = [asyncio.create_task(there._take_turn(name)) for name in ("h2", "h3")]
    await asyncio.sleep(0.05)

    assert there.told("h1") == "its image is being sent: 1 share 110 MB/s"
    assert "place 2 of 2, 1 are being sent" in there.told("h3")
    there._give_back("h1")
    await later[0]
    assert there.told("h1") == ""
    assert "place 1 of 1" in there.told("h3")
    there._give_back("h2")
    await later[1]


async def test_all_transfers_together_send_no_more_than_the_wire_may_carry() -> None:
    """Counted by the budget's own clock, and none of them is favoured."""
    at = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal at
        at += seconds
        await asyncio.sleep(0)

    rate = Rate(1_000_000.0, now=lambda: at, sleep=sleep)
    ended: list[float] = []

    async def transfer() -> None:
        for _ in range(100):
            await rate.take(10_000)
        ended.append(at)

    await asyncio.gather(*(transfer() for _ in range(10)))

    # 10 MB at 1 MB/s, less the fifth of a second that lay ready.
    assert ended[-1] == pytest.approx(9.8, abs=0.1)
    # The first may take all of that; from then on they take turns.
    assert ended[0] > 0.75 * ended[-1]


def test_as_many_are_sent_at_once_as_leave_each_one_quick() -> None:
    assert Transfers(bytes_per_s=110e6).at_once == 28
    assert Transfers(bytes_per_s=1e6).at_once == 1


async def test_a_client_that_goes_away_gives_its_turn_back(
    large: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More broken transfers than there are turns, and the next one is served at once."""
    monkeypatch.setattr("provisioning.simulator.media.TRIES", 1)
    async with wire(large, cuts=40) as (_, url):
        broken = [HttpsMedia(timeout_s=60).fetch(url) for _ in range(40)]
        ended = await asyncio.gather(*broken, return_exceptions=True)
        assert all(isinstance(one, MediaUnreachable) for one in ended)
        assert await HttpsMedia(timeout_s=60).fetch(url) == IMAGE


async def test_an_image_that_nobody_names_is_not_there(large: Door) -> None:
    missing = f"{large.url}/boot/v1/firmware/{'0' * 64}/h1/large.fw"

    with pytest.raises(MediaRefused):
        await HttpsMedia(timeout_s=20).fetch(missing)
