"""What is on its way to a furnished site: rows of every kind, and whom a walk found."""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory.expected_hosts import ExpectedHost
from inventory.found_bmcs import BmcNetwork, Discovery, FoundBmc
from inventory.model import Record

FINGERPRINT = "sha256:" + "cd" * 32
REFUSED = "nobody vouches for the certificate of its BMC, and none is taken at first sight here"


def on_its_way(now: datetime, *, hostile: str) -> tuple[Record, ...]:
    """Two that wait, one that was found, one that was refused; strangers, one of them hostile."""
    return (
        BmcNetwork(name="hall-1-bmc", site="zrh1", cidr="10.20.0.0/24"),
        Discovery(
            id="d1",
            networks=("hall-1-bmc",),
            asked_by="jane",
            state="done",
            seed=7,
            addresses=254,
            asked=254,
            answered=5,
            matched=2,
            created_at=now - timedelta(hours=2),
            started_at=now - timedelta(hours=2),
            ended_at=now - timedelta(hours=2),
        ),
        *(_row(number, **told) for number, told in enumerate(_ROWS, 1)),
        _bmc(1, now, state="matched", expected="c-r1-h3", vendor="Dell", product="iDRAC10"),
        _bmc(2, now, state="matched", expected="c-r1-h4", vendor="HPE", product="iLO 6"),
        _bmc(5, now, state="host", host="a-r1-h1", vendor="Dell", vouched_by="zrh1 BMC authority"),
        _bmc(3, now, why="no expected host has its serial number, UUID, MAC address or address"),
        _bmc(4, now, why=f"its signs name several: {hostile}", vendor=hostile[:80], ipmi=True),
    )


_ROWS: tuple[dict[str, object], ...] = (
    {"bmc": "redfish+https://bmc-with-a-very-long-name-0001.oob.hall-1.zrh1.example.net:8443"},
    {"enrol": True},
    {"found": "b1", "matched_by": ("serial", "mac")},
    {"found": "b2", "matched_by": ("address",), "why": REFUSED},
)


def _row(number: int, **told: object) -> ExpectedHost:
    return ExpectedHost.model_validate(
        {
            "id": f"e{number}",
            "name": f"c-r1-h{number}",
            "pod": "alpha",
            "slot": f"r1-h{number}",
            "serial": f"GTS7DV{number}",
            **told,
        }
    )


def _bmc(number: int, now: datetime, **told: object) -> FoundBmc:
    return FoundBmc.model_validate(
        {
            "id": f"b{number}",
            "address": f"redfish+https://10.20.0.{number}",
            "ip": f"10.20.0.{number}",
            "network": "hall-1-bmc",
            "site": "zrh1",
            "fingerprint": FINGERPRINT,
            "first_seen_at": now - timedelta(hours=2),
            "seen_at": now - timedelta(hours=2),
            **told,
        }
    )
