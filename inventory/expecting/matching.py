"""Which BMC that was found is which expected host: by signs alone that a stranger can see.

Pure. A serial number in the service root or the certificate, the service's UUID, a MAC address, and
at last the address that a person wrote down. One sign is enough; two that disagree are none, and
neither is one that two rows or two BMCs share: whose it is, a person says. Nobody is believed for
it either: whoever logs in later reads the serial number again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from inventory.expected_hosts import ExpectedHost
from inventory.found_bmcs import FoundBmc

NOBODY = "no expected host has its serial number, UUID, MAC address or address"
NO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Match:
    """What is said of one BMC that was found."""

    expected: ExpectedHost | None
    by: tuple[str, ...] = ()
    why: str = ""
    """Why it is nobody's."""


class Expectations:
    """Expected hosts by everything that they may be known by."""

    def __init__(self, expected: Iterable[ExpectedHost]) -> None:
        self._by: dict[tuple[str, str], list[ExpectedHost]] = {}
        for one in expected:
            for sign in _signs_of_expected(one):
                self._by.setdefault(sign, []).append(one)

    def named_by(self, found: FoundBmc) -> dict[str, tuple[ExpectedHost, tuple[str, ...]]]:
        """Id of each row that a sign of this BMC names, with the row and those signs."""
        named: dict[str, tuple[ExpectedHost, tuple[str, ...]]] = {}
        for sign in _signs_of_found(found):
            for one in self._by.get(sign, ()):
                by = named.get(one.id, (one, ()))[1]
                named[one.id] = (one, tuple(dict.fromkeys((*by, sign[0]))))
        return named


def match(expected: Iterable[ExpectedHost], found: Iterable[FoundBmc]) -> dict[str, Match]:
    """Id of each BMC that was found to what is said of it."""
    known, seen = Expectations(expected), list(found)
    first = {one.id: _alone(one, known.named_by(one)) for one in seen}
    claimed = Counter(m.expected.id for m in first.values() if m.expected is not None)
    return {
        key: Match(None, why=f"another BMC shows the same signs of {m.expected.name}")
        if m.expected is not None and claimed[m.expected.id] > 1
        else m
        for key, m in first.items()
    }


def _alone(found: FoundBmc, named: Mapping[str, tuple[ExpectedHost, tuple[str, ...]]]) -> Match:
    """What this BMC's own signs say, whatever the others show."""
    if not named:
        return Match(None, why=NOBODY)
    if len(named) > 1:
        said = sorted(f"{one.name} (by {', '.join(by)})" for one, by in named.values())
        return Match(None, why=f"its signs name several: {', '.join(said[:5])}")
    ((one, by),) = named.values()
    against = list(_against(one, found))
    if against:
        return Match(None, why=f"{', '.join(by)} says {one.name}, but {against[0]}")
    return Match(one, by)


def _against(one: ExpectedHost, found: FoundBmc) -> Iterator[str]:
    """Signs that say it is another."""
    if found.serials and one.serial not in found.serials:
        yield f"its serial number is {found.serials[0]} and not {one.serial}"
    if one.uuid and found.uuid and one.uuid != found.uuid:
        yield f"its UUID is {found.uuid} and not {one.uuid}"
    if one.fingerprint and found.fingerprint and one.fingerprint != found.fingerprint:
        yield "its certificate is not the expected one"
    if one.bmc and _origin(one.bmc) != found.address:
        yield f"it is at {found.address} and not at {one.bmc}"


def _signs_of_expected(one: ExpectedHost) -> Iterator[tuple[str, str]]:
    signs = [("serial", one.serial), ("uuid", one.uuid), ("address", _origin(one.bmc))]
    signs += [("mac", mac) for mac in one.macs]
    return ((name, value) for name, value in signs if value and value != NO_UUID)


def _signs_of_found(found: FoundBmc) -> Iterator[tuple[str, str]]:
    signs = [("serial", serial) for serial in found.serials]
    signs += [("uuid", found.uuid), *(("mac", mac) for mac in found.macs)]
    signs += [("address", found.address)]
    return ((name, value) for name, value in signs if value and value != NO_UUID)


def _origin(address: str) -> str:
    """An address without the System that it may name."""
    return address.partition("/redfish/")[0]
