"""Calls are logged without values, and wrapping hides no ability and invents none."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest

from inventory.states import PowerState
from provisioning.drivers.logged import logged
from provisioning.drivers.protocol import BiosDriver, FirmwareDriver, MediaDriver, PowerMeter
from provisioning.errors import BmcRefused

PROTOCOLS = (MediaDriver, BiosDriver, FirmwareDriver, PowerMeter)


async def nothing(_self: Any, *_args: Any) -> None:
    return None


def verbs(protocol: type) -> dict[str, Any]:
    names = [name for name, value in vars(protocol).items() if callable(value)]
    return {name: nothing for name in names if not name.startswith("_")}


def satisfies(bmc: object, protocol: type) -> bool:
    return isinstance(bmc, protocol)


class PlainBmc:
    """A driver with the verbs that these tests call."""

    async def power(self) -> PowerState:
        """On."""
        return PowerState.ON

    async def power_on(self) -> None:
        """Refused, with a secret in the message."""
        raise BmcRefused("the lid is open at https://secret.example/token", status=400)

    async def close(self) -> None:
        """Nothing to close."""


def driver(*abilities: type) -> Any:
    members: dict[str, Any] = {}
    for protocol in abilities:
        members |= verbs(protocol)
    return type("SomeBmc", (PlainBmc,), members)()


@pytest.mark.parametrize(
    "abilities",
    [pick for size in range(5) for pick in itertools.combinations(PROTOCOLS, size)],
    ids=lambda pick: "+".join(one.__name__ for one in pick) or "plain",
)
def test_wrapper_satisfies_exactly_what_the_driver_does(abilities: tuple[type, ...]) -> None:
    wrapped = logged(driver(*abilities), host="h1")
    able: list[type] = [one for one in PROTOCOLS if satisfies(wrapped, one)]
    assert set(able) == set(abilities)


async def test_call_is_logged_with_host_verb_time_and_outcome(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    ticks = iter([10.0, 10.25])
    wrapped = logged(driver(), host="h1", monotonic=lambda: next(ticks))
    assert await wrapped.power() is PowerState.ON
    fields = vars(caplog.records[0])
    told = [fields[name] for name in ("host", "verb", "ms", "outcome")]
    assert told == ["h1", "power", 250, "ok"]


async def test_failure_is_logged_by_class_and_passed_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(BmcRefused):
        await logged(driver(), host="h1").power_on()
    record = caplog.records[0]
    assert record.levelno == logging.WARNING
    assert vars(record)["outcome"] == "BmcRefused"
    assert "secret" not in str(vars(record))


async def test_values_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrapped = logged(driver(MediaDriver), host="h1")
    assert isinstance(wrapped, MediaDriver)
    await wrapped.insert_media("https://secret.example/token")
    assert "secret" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_every_verb_of_every_protocol_reaches_the_driver(protocol: type) -> None:
    reached: list[tuple[str, tuple[Any, ...]]] = []

    def spy(name: str) -> Any:
        async def call(_self: Any, *args: Any) -> None:
            reached.append((name, args))

        return call

    inner = type("Spied", (PlainBmc,), {name: spy(name) for name in verbs(protocol)})()
    wrapped: Any = logged(inner, host="h1")
    arguments = {"insert_media": ("u",), "set_bios": ({},), "update_firmware": ("BIOS", "u")}
    for name in verbs(protocol):
        await getattr(wrapped, name)(*arguments.get(name, ()))
    assert reached == [(name, arguments.get(name, ())) for name in verbs(protocol)]
