"""The process beside the agent: what it says is heard however long, and its end is an end."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from inventory.agents import BootDocument
from inventory.same_host import Marks
from pods.erasing import DriveRead, EraseMethod
from runtime import drivereading
from runtime.drivereading import DriveReading
from runtime.place import Place

MANY = 300
HERE = Marks("S1", ("02:00:00:00:00:01",))


def reading(
    tmp_path: Path, *, found: Marks = HERE, erase: tuple[EraseMethod, ...] = ()
) -> tuple[DriveReading, asyncio.Event]:
    ended = asyncio.Event()
    boot = BootDocument.model_construct(
        read_drives=True, erase=erase, serial=HERE.serial, macs=HERE.macs
    )
    place = Place.__new__(Place)
    object.__setattr__(place, "run", tmp_path)
    there = DriveReading(place, boot, simulated=False, found=found, changed=ended.set)
    return there, ended


async def test_process_that_cannot_start_leaves_no_progress_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivereading.sys, "executable", str(tmp_path / "no-python"))
    found, ended = reading(tmp_path)
    found.start()
    async with asyncio.timeout(30):
        await ended.wait()
    assert (found.progress, found.found) == ("", None)
    await found.stop()


async def test_many_drives_are_heard_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = DriveRead(
        slot="sda",
        serial="S",
        completed=True,
        globally_erased=True,
        sampled=1,
        holding=0,
        log="x" * 400,
    )
    said = tmp_path / "said.json"
    said.write_text(json.dumps({"drives": [one.model_dump(mode="json")] * MANY}) + "\n")
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\nprint(open({str(said)!r}).read(), end='')\n")
    program.chmod(0o700)
    monkeypatch.setattr(drivereading.sys, "executable", str(program))
    found, ended = reading(tmp_path)
    found.start()
    async with asyncio.timeout(30):
        while found.found is None:
            await ended.wait()
            ended.clear()
    assert len(found.found) == MANY
    await found.stop()


@pytest.mark.parametrize(
    ("found", "asks"),
    [
        (HERE, 1),
        (Marks("To be filled by O.E.M.", HERE.macs), 1),
        (Marks("S2", HERE.macs), 0),
        (Marks("", ()), 0),
        (Marks("Default string", ()), 0),
    ],
)
async def test_drives_are_erased_only_where_the_host_is_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Marks, asks: int
) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "$@" > {asked}\necho \'{{"drives": []}}\'\n')
    program.chmod(0o700)
    monkeypatch.setattr(drivereading.sys, "executable", str(program))
    there, ended = reading(tmp_path, found=found, erase=("block",))
    there.start()
    async with asyncio.timeout(30):
        while there.found is None:
            await ended.wait()
            ended.clear()
    assert asked.read_text().count("--erase block") == asks
    await there.stop()
