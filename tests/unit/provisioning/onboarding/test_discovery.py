"""A walk asks what was declared, politely, and waits for nobody longer than for that address."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.errors import FenceLost
from inventory.expected_hosts import ExpectedHost
from inventory.found_bmcs import BmcNetwork, Discovery, FoundBmc
from inventory.outbound.bmc_address import Reach
from inventory.store.protocol import Change, Fence
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from provisioning.bench.virtual_time import BEGINNING, VirtualClock, VirtualLoop, inline, run
from provisioning.onboarding.discovery import Discoverer, World
from provisioning.onboarding.discovery_settings import DiscoverySettings
from provisioning.onboarding.discovery_stranger import Shown
from provisioning.onboarding.discovery_walk import Walk, may_ask
from tests.migrated import fresh_store

FENCE = Fence("discovery", "t", 1)
ANSWERS_AFTER_S = 0.4


class FakeStreet:
    """Addresses with BMCs, addresses that swallow everything, and nobody elsewhere."""

    def __init__(self, bmcs: dict[str, Shown], black_holed: frozenset[str] = frozenset()) -> None:
        self.bmcs = bmcs
        self.black_holed = black_holed
        self.looked: list[tuple[float, str, int]] = []
        self.answered_after: dict[str, float] = {}
        self.at_once = self.most_at_once = 0

    async def look(self, ip: str, port: int) -> Shown | None:
        began = asyncio.get_running_loop().time()
        self.looked.append((began, ip, port))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(10**6 if ip in self.black_holed else ANSWERS_AFTER_S)
        finally:
            self.at_once -= 1
        self.answered_after[ip] = asyncio.get_running_loop().time() - began
        return self.bmcs.get(ip)

    async def ping(self, ip: str, port: int) -> bool:
        assert port == 623
        if ip in self.black_holed:
            await asyncio.sleep(10**6)
        return ip in self.bmcs

    async def close(self) -> None:
        pass


class Bed:
    """A store with declared networks, and the discoverer."""

    def __init__(self, folder: Path, street: FakeStreet, *cidrs: str, **settings: Any) -> None:
        self.store: SqlStore = fresh_store(folder)
        self.street = street
        self.settings = DiscoverySettings(**settings)
        self.networks = tuple(BmcNetwork(name=f"n{at}", cidr=cidr) for at, cidr in enumerate(cidrs))
        self.store.apply(Change(insert=self.networks), now=BEGINNING)
        self.enrolled: list[str] = []
        self.took_s = 0.0
        self.ended: object = None
        """What the discoverer ended with."""

    def ask(self, **fields: Any) -> Discovery:
        size = Walk(self.networks, seed=7).size
        given = {"addresses": size, **fields}
        walk = Discovery(
            id="w1", networks=tuple(n.name for n in self.networks), asked_by="t", seed=7,
            created_at=BEGINNING, **given,
        )  # fmt: skip
        self.store.apply(Change(insert=(walk,)), now=BEGINNING)
        return walk

    def go(self, *, until_s: float = 0.0) -> Discovery:
        """The walk, to its end or as far as it comes in so many seconds."""

        async def main(loop: VirtualLoop) -> None:
            fence = self.store.take_lease(
                "discovery", "t", now=BEGINNING, until=BEGINNING.replace(year=2030), alone=True
            )
            world = World(
                store=self.store,
                clock=VirtualClock(loop),
                in_thread=inline,
                settings=self.settings,
                fence=fence or FENCE,
                stranger=lambda _at_once: self.street,
                enrol=lambda rows: self.enrolled.extend(row.name for row in rows),
                own=frozenset({("10.0.0.9", 443)}),
            )
            walking = asyncio.ensure_future(Discoverer(world).run())
            began = loop.time()
            while not self._over() and (not until_s or loop.time() < until_s):  # noqa: ASYNC110 - virtual
                await asyncio.sleep(0.5)
            self.took_s = loop.time() - began
            walking.cancel()
            (self.ended,) = await asyncio.gather(walking, return_exceptions=True)

        run(main)
        return self.walk

    def _over(self) -> bool:
        return self.walk.state not in {"waiting", "running"}

    @property
    def walk(self) -> Discovery:
        found = self.store.get(Discovery, "w1")
        assert found is not None
        return found

    @property
    def found(self) -> dict[str, FoundBmc]:
        return {one.address: one for one in every(self.store, FoundBmc)}


def shown(number: int, **fields: Any) -> Shown:
    return Shown(fingerprint=f"sha256:{number:064x}", uuid="", **fields)


def hosts_of(cidr: str) -> Iterator[str]:
    return (str(one) for one in ipaddress.ip_network(cidr).hosts())


def test_a_walk_asks_each_address_once_and_writes_down_who_answers(tmp_path: Path) -> None:
    street = FakeStreet({"10.0.0.7": shown(7, vendor="Dell", serials=("GTS7DV2",))})
    bed = Bed(tmp_path, street, "10.0.0.0/24")
    bed.ask()

    walk = bed.go()

    assert (walk.state, walk.asked, walk.answered) == ("done", 256, 1)
    asked = [ip for _, ip, _ in street.looked]
    assert sorted(asked) == sorted({*hosts_of("10.0.0.0/24")} - {"10.0.0.9"})
    (one,) = bed.found.values()
    assert (one.address, one.vendor, one.ipmi, one.state) == (
        "redfish+https://10.0.0.7", "Dell", True, "found",
    )  # fmt: skip


def test_neighbours_are_not_asked_one_after_the_other_and_never_in_a_burst(tmp_path: Path) -> None:
    street = FakeStreet({})
    bed = Bed(tmp_path, street, "10.0.0.0/24", per_second=50)
    bed.ask()
    bed.go()
    times = [at for at, _, _ in street.looked]
    numbers = [int(ipaddress.ip_address(ip)) for _, ip, _ in street.looked]
    near = sum(abs(a - b) <= 2 for a, b in itertools.pairwise(numbers))
    assert near < len(numbers) / 10
    for begin in range(len(times) - 50):
        assert times[begin + 49] - times[begin] > 0.7  # 50 a second, give or take
    assert street.most_at_once <= bed.settings.at_once


def test_ten_per_cent_of_silence_costs_nobody_else_anything(tmp_path: Path) -> None:
    """The healthy answer as soon as without the black holes, and the walk ends a deadline later."""
    everybody = list(hosts_of("10.0.0.0/22"))
    silent = frozenset(everybody[::10])
    bmcs = {ip: shown(at) for at, ip in enumerate(everybody)}

    def walked(name: str, black_holed: frozenset[str]) -> tuple[Bed, FakeStreet]:
        folder = tmp_path / name
        folder.mkdir()
        street = FakeStreet(bmcs, black_holed)
        bed = Bed(folder, street, "10.0.0.0/22")
        bed.ask()
        bed.go()
        return bed, street

    clean, clean_street = walked("clean", frozenset())
    holed, holed_street = walked("holed", silent)
    healthy = [ip for ip in everybody if ip not in silent and ip != "10.0.0.9"]
    clean_at = {ip: at for at, ip, _ in clean_street.looked}
    holed_at = {ip: at for at, ip, _ in holed_street.looked}
    assert max(abs(clean_at[ip] - holed_at[ip]) for ip in healthy) < 0.01
    assert all(abs(holed_street.answered_after[ip] - ANSWERS_AFTER_S) < 1e-6 for ip in healthy)
    assert len(holed.found) == len(healthy)
    assert holed.took_s - clean.took_s <= holed.settings.deadline_s + 0.5


def test_a_walk_that_was_cut_off_goes_on_from_where_it_was(tmp_path: Path) -> None:
    street = FakeStreet({ip: shown(at) for at, ip in enumerate(hosts_of("10.0.0.0/21"))})
    bed = Bed(tmp_path, street, "10.0.0.0/21")
    bed.ask()
    cut = bed.go(until_s=20)
    assert cut.state == "running"
    assert 512 <= cut.asked < 1200
    before = len(street.looked)

    done = bed.go()

    assert done.state == "done"
    assert len(street.looked) - before <= 2048 - cut.asked
    assert len(street.looked) <= 2045 + 256 + bed.settings.at_once  # asked again, at most
    assert {one.ip for one in bed.found.values()} == {*hosts_of("10.0.0.0/21")} - {"10.0.0.9"}


def test_what_was_still_waited_for_is_asked_again(tmp_path: Path) -> None:
    """What was asked and not yet answered when the process ended is asked by the next one."""
    slow = frozenset(hosts_of("10.0.0.0/22"))
    street = FakeStreet({}, slow)
    bed = Bed(tmp_path, street, "10.0.0.0/22")
    bed.ask()
    cut = bed.go(until_s=8)
    waited_for = {ip for at, ip, _ in street.looked if at > 2}
    street.black_holed = frozenset()
    street.bmcs = {ip: shown(at) for at, ip in enumerate(slow)}
    bed.go()
    assert cut.state == "running"
    assert waited_for <= {one.ip for one in bed.found.values()}


def test_nothing_is_asked_that_is_not_declared_any_more(tmp_path: Path) -> None:
    street = FakeStreet({ip: shown(at) for at, ip in enumerate(hosts_of("10.0.0.0/22"))})
    bed = Bed(tmp_path, street, "10.0.0.0/22")
    bed.ask()
    bed.go(until_s=6)
    (network,) = every(bed.store, BmcNetwork)
    bed.store.apply(Change(replace=(network,), remove=(network,)), now=BEGINNING)
    asked = len(street.looked)

    ended = bed.go()

    assert ended.state == "failed"
    assert "declared anew" in ended.why
    assert len(street.looked) == asked


def test_a_walk_is_stopped_by_whoever_says_so(tmp_path: Path) -> None:
    street = FakeStreet({})
    bed = Bed(tmp_path, street, "10.0.0.0/20")
    bed.ask()
    bed.go(until_s=6)
    walk = bed.walk
    bed.store.apply(Change(replace=(walk.model_copy(update={"state": "stopped"}),)), now=BEGINNING)
    asked = len(street.looked)
    assert bed.go(until_s=30).state == "stopped"
    assert len(street.looked) == asked


def test_what_is_found_is_matched_and_enrolled_only_where_its_row_says_so(tmp_path: Path) -> None:
    street = FakeStreet(
        {"10.0.0.1": shown(1, serials=("SN1",)), "10.0.0.2": shown(2, serials=("SN2",)),
         "10.0.0.3": shown(3, serials=("OTHER",))}
    )  # fmt: skip
    bed = Bed(tmp_path, street, "10.0.0.0/29")
    rows = (
        ExpectedHost(id="e1", name="h1", pod="lab", slot="s1", serial="SN1"),
        ExpectedHost(id="e2", name="h2", pod="lab", slot="s2", serial="SN2", enrol=True),
    )
    bed.store.apply(Change(insert=rows), now=BEGINNING)
    bed.ask()

    walk = bed.go()

    assert walk.matched == 2
    states = {one.ip: (one.state, one.expected) for one in bed.found.values()}
    assert states == {
        "10.0.0.1": ("matched", "h1"), "10.0.0.2": ("matched", "h2"), "10.0.0.3": ("found", ""),
    }  # fmt: skip
    assert bed.enrolled == ["h2"]


def test_ipmi_alone_is_a_find_and_no_second_one_beside_redfish(tmp_path: Path) -> None:
    street = FakeStreet({})

    async def ping(ip: str, _port: int) -> bool:
        return ip == "10.0.0.4"

    street.ping = ping  # type: ignore[method-assign,assignment]
    bed = Bed(tmp_path, street, "10.0.0.0/29")
    bed.ask()
    bed.go()
    assert list(bed.found) == ["ipmi://10.0.0.4"]
    walk = bed.walk
    street.bmcs = {"10.0.0.4": shown(4)}
    bed.store.apply(Change(replace=(walk,), remove=(walk,)), now=BEGINNING)
    bed.ask()
    bed.go()
    assert list(bed.found) == ["redfish+https://10.0.0.4"]
    assert bed.found["redfish+https://10.0.0.4"].ipmi


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("cidr", ["10.0.0.0/32", "10.0.0.0/31", "10.0.0.0/26", "fd00::/120"])
def test_the_order_of_a_walk_comes_by_every_address_once(seed: int, cidr: str) -> None:
    network = BmcNetwork(name="n", cidr=cidr, ports=(443, 8443))
    walk = Walk([network], seed=seed)
    targets = [(t.ip, t.port) for t in walk.targets(0, walk.size)]
    assert len(set(targets)) == len(targets) == walk.size
    again = [(t.ip, t.port) for t in Walk([network], seed=seed).targets(0, walk.size)]
    assert again == targets
    assert [(t.ip, t.port) for t in walk.targets(5, walk.size)] == targets[5:]


def test_a_walk_whose_lease_is_another_one_s_says_so_and_ends_no_service(tmp_path: Path) -> None:
    """A group's own error would pass by whoever waits for a lost lease, and end the service."""
    street = FakeStreet({})
    bed = Bed(tmp_path, street, "10.0.0.0/23")
    bed.ask()
    asked = street.look

    async def another_takes_over(ip: str, port: int) -> Shown | None:
        late, till = BEGINNING.replace(year=2031), BEGINNING.replace(year=2040)
        bed.store.take_lease("discovery", "another", now=late, until=till, alone=True)
        return await asked(ip, port)

    street.look = another_takes_over  # type: ignore[method-assign]
    bed.go(until_s=60.0)
    assert isinstance(bed.ended, FenceLost)


@pytest.mark.parametrize(
    ("cidr", "simulated"),
    [
        ("127.0.0.0/29", False),
        ("169.254.169.248/29", True),
        ("224.0.0.0/29", True),
        ("fe80::/125", True),
        ("0.0.0.0/29", True),
        ("100.100.100.200/32", False),
    ],
)
def test_no_walk_asks_where_no_bmc_is(cidr: str, simulated: bool) -> None:  # noqa: FBT001
    network = BmcNetwork(name="n", cidr=cidr, simulated=simulated)
    walk = Walk([network], seed=1)
    assert not [t for t in walk.targets(0, walk.size) if may_ask(t, own=frozenset())]
    assert Reach(loopback=simulated).fault(ipaddress.ip_network(cidr)[0])


def test_a_simulated_network_may_be_on_loopback_and_never_asks_the_service_itself() -> None:
    network = BmcNetwork(name="n", cidr="127.0.0.1/32", ports=(8470, 8443), simulated=True)
    walk = Walk([network], seed=1)
    own = frozenset({("127.0.0.1", 8470)})
    assert [t.port for t in walk.targets(0, walk.size) if may_ask(t, own=own)] == [8443]
