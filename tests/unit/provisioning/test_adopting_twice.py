"""Every step of a BMC's adoption twice: the same BMC in the end, and nothing done to it twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.states import HostState
from provisioning.lifecycle.actions import (
    Action,
    AskRenewal,
    AskRotation,
    CloseIpmi,
    CloseWeakCiphers,
    RecordFindings,
)
from tests.unit.provisioning.adoptee import Adoption, IpmiAdoptee, adopted
from tests.unit.provisioning.one_host import ended
from tests.unit.provisioning.twice import run_twice

AT_A_BMC = ("new password", "close", "make a key", "another certificate")
OVER_REDFISH = {"ipmi_open": True, "certificates": True}
OVER_IPMI = {"speaks": IpmiAdoptee, "weak": (0, 1)}
STUBBORN = {"ipmi_open": True, "stubborn": True}
ONCE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "redfish": (
        OVER_REDFISH,
        ["new password", "close IPMI over LAN", "make a key", "another certificate"],
    ),
    "ipmi": (OVER_IPMI, ["close suites (0, 1)"]),
    "stubborn": (STUBBORN, ["new password"]),
}
"""Each BMC, and all that is done to it once."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, made once."""
    return tmp_path_factory.mktemp("adoption")


def done(there: Adoption) -> list[str]:
    """What was really done to the BMC itself."""
    return [line for line in there.iron.journal if line.startswith(AT_A_BMC)]


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, dict[str, Any]]:
    """How each BMC is left when every step is run once."""
    left = {}
    for name, (bmc, once) in ONCE.items():
        with adopted(folder, **bmc) as there:
            assert there.run(ended).state is HostState.READY, name
            assert done(there) == once
            left[name] = there.left()
    return left


@pytest.mark.parametrize(
    ("kind", "bmc"),
    [
        (AskRotation, "redfish"),
        (AskRenewal, "redfish"),
        (CloseIpmi, "redfish"),
        (RecordFindings, "redfish"),
        (CloseWeakCiphers, "ipmi"),
        (RecordFindings, "ipmi"),
        (CloseIpmi, "stubborn"),
        (RecordFindings, "stubborn"),
    ],
    ids=str,
)
def test_every_step_of_an_adoption_run_twice_in_a_row_ends_the_same(
    folder: Path, undisturbed: dict[str, dict[str, Any]], kind: type[Action], bmc: str
) -> None:
    """The second run sees what the first one saw: a lost record."""
    made, once = ONCE[bmc]
    with adopted(folder, **made) as there:
        doubled = run_twice(there, kind)
        there.run(ended)
        assert doubled, "it was never run: this proves nothing"
        assert done(there) == once
        assert there.left() == undisturbed[bmc]


def test_an_adopted_bmc_is_the_site_s_own_and_nobody_else_s(
    undisturbed: dict[str, dict[str, Any]],
) -> None:
    """What the others are held against."""
    wanted = {
        "its password is ours": True,
        "its password is on a label": False,
        "it shows what is pinned": True,
        "signed": True,
        "IPMI over LAN": False,
        "found": (),
        "whose password": "own",
        "under way": ("", ""),
    }
    assert undisturbed["redfish"].items() >= wanted.items()
    assert undisturbed["ipmi"]["weak suites"] == ()
    assert undisturbed["stubborn"]["found"] == ("IPMI over LAN is open at its BMC",)
