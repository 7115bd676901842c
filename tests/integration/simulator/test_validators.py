"""DMTF's own validators judge the simulator, so that it does not flatter our own client."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pods import catalogue
from provisioning.simulator.models import MODELS
from provisioning.simulator.redfish.resource import Paths

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SCHEMAS = ROOT.parent / "shared" / "redfish-csdl"
PROGRAMS = Path(sys.executable).parent
LIMIT_S = 600
"""The largest tree takes 40 s on an idle machine, and ten times that on a loaded one."""
# Each overrides the certificate setting of the validators' HTTP client.
CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def run(program: str, *arguments: str, told: dict[str, Any], directory: Path) -> str:
    """Run one validator against one BMC; its output."""
    path = PROGRAMS / program
    if not path.exists():
        pytest.skip(f"{program} is not installed")
    environment = {k: v for k, v in os.environ.items() if k not in CERTIFICATE_VARIABLES}
    done = subprocess.run(
        [
            str(path),
            "--rhost",
            told["bmc"].removeprefix("redfish+"),
            "--user",
            told["username"],
            # One word: a generated password may begin with "-", which argparse takes for an option.
            f"--password={told['password']}",
            "--report-dir",
            str(directory / "reports"),
            *arguments,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment,
        cwd=directory,
    )
    return done.stdout + done.stderr


async def exercised(hall: Any, client: Any, media: Any, wait_until: Any) -> dict[str, Any]:
    """A host with something to look at: on, booted from media, an empty slot, an ended task."""
    bmc = client(hall.told()[0])
    await bmc.change("PATCH", "/redfish/v1/Systems/1/Bios/Settings", BIOS)
    await bmc.boot_from(media.boot_document(), enabled="Continuous")
    await bmc.update(media.firmware())
    await wait_until(lambda: hall.entries("firmware.update.done") and hall.entries("boot"))
    told: dict[str, Any] = bmc.told
    return told


BIOS = {"Attributes": {"HyperThreading": "Disabled"}}
FAULT = ("--fault", "missing-dimm@h1")


def walked(told: dict[str, Any], directory: Path) -> int:
    """Walk the whole tree: nothing in it fails a schema. How many checks passed."""
    said = run(
        "rf_service_validator",
        "--schema_directory",
        str(SCHEMAS),
        "--skipschema",
        told=told,
        directory=directory,
    )
    header = [line for line in said.splitlines() if "PASS" in line and "FAIL" in line]
    assert header, said
    names = [cell.strip() for cell in header[-1].strip("| ").split("|")]
    row = said.splitlines()[said.splitlines().index(header[-1]) + 2]
    counts = dict(zip(names, map(int, row.strip("| ").split("|")), strict=True))
    assert counts["FAIL"] == 0, "\n".join(line for line in said.splitlines() if "FAIL" in line)
    return counts["PASS"]


needs_schemas = pytest.mark.skipif(not SCHEMAS.is_dir(), reason=f"no Redfish schemas in {SCHEMAS}")


@needs_schemas
async def test_the_service_validator_finds_nothing(
    run_hall: Callable[..., Any], client: Any, media: Any, wait_until: Any, tmp_path: Path
) -> None:
    told = await exercised(run_hall(*FAULT), client, media, wait_until)
    # An unreachable service fails nothing either: this many checks prove that it was walked.
    assert walked(told, tmp_path) > 500


def small(directory: Path) -> Path:
    """A host that has a part of every kind, and few of each: its tree is walked in seconds."""
    spec = catalogue.load("lab-4").model_dump(mode="json")
    host_type = spec["host_types"]["lab-cpu"]
    host_type["accelerators"] |= {
        "tdp_watts": 300,
        "count": 2,
        "link_kind": "nvlink",
        "link_ports": 2,
        "link_gigabytes_per_s": 50,
    }
    host_type["psus"] = {"count": 3, "capacity_watts": 900, "redundancy": "2+1"}
    host_type["cooling"] = {"kind": "liquid", "flow_lpm": 2, "supply_celsius": 25}
    spec["unit"]["accelerators"] = 2
    path = directory / "small.yaml"
    path.write_text(json.dumps(spec))
    return path


EVERY_KIND = ("missing-gpu", "missing-supply", "dead-supply", "leak", "failed-fan", "worn-drive")


async def switched_on(hall: Any, client: Any, wait_until: Any) -> dict[str, Any]:
    """The first host, which is on and whose links have trained."""
    told: dict[str, Any] = hall.told()[0]
    system = Paths.of(MODELS[told["model"]]).system
    bmc = client(told)
    await bmc.change("POST", f"{system}/Actions/ComputerSystem.Reset", {"ResetType": "On"})
    await wait_until(lambda: hall.entries("power.on"))
    return told


@needs_schemas
@pytest.mark.parametrize(
    "model",
    # The two trays have one tree; the second is walked at full size below.
    [model for model in MODELS if model != "gb300-tray"],
)
async def test_the_service_validator_finds_nothing_in_any_model(
    model: str, run_hall: Callable[..., Any], client: Any, wait_until: Any, tmp_path: Path
) -> None:
    planted = [part for fault in EVERY_KIND for part in ("--fault", f"{fault}@h1")]
    hall = run_hall(str(small(tmp_path)), "--model", model, *planted)
    told = await switched_on(hall, client, wait_until)
    assert walked(told, tmp_path) > 900


@needs_schemas
@pytest.mark.long
@pytest.mark.timeout(LIMIT_S + 60)
@pytest.mark.parametrize("spec", ["nvl72-gb200", "nvl72-gb300", "hgx-h100-8", "mi300x-8"])
async def test_the_service_validator_finds_nothing_in_a_host_of_full_size(
    spec: str, run_hall: Callable[..., Any], client: Any, wait_until: Any, tmp_path: Path
) -> None:
    told = await switched_on(run_hall(spec), client, wait_until)
    assert walked(told, tmp_path) > 2500


def failures_in(report: Path) -> set[tuple[str, str, str]]:
    """Assertion, method and URI of each failure."""
    with report.open(newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))
    assert sum(1 for row in rows if "PASS" in row) > 250
    return {(row[0], row[1], row[3]) for row in rows if "FAIL" in row}


async def test_the_protocol_validator_finds_only_what_is_explained(
    run_hall: Callable[..., Any], client: Any, media: Any, wait_until: Any, tmp_path: Path
) -> None:
    told = await exercised(run_hall(*FAULT), client, media, wait_until)
    said = run(
        "rf_protocol_validator",
        "--no-cert-check",
        "--avoid-http-redirect",
        "--report-type",
        "tsv",
        told=told,
        directory=tmp_path,
    )
    reports = list((tmp_path / "reports").glob("*.tsv"))
    assert len(reports) == 1, said
    entries = tomllib.loads((HERE / "protocol_failures.toml").read_text())["failure"]
    assert all(entry["clause"] and entry["reason"] for entry in entries)
    known = {(entry["assertion"], entry["method"], entry["uri"]) for entry in entries}
    assert failures_in(reports[0]) == known
