"""Faults of what a host does when it is told: power, boot, settings, updates, and its BMC."""

from __future__ import annotations

from provisioning.simulator.kinds.registry import Subject

MACHINE = Subject("Power, boot and updates")
FOREVER = float("inf")


@MACHINE.fault("stale-power", seconds=3.0)
def _stale_power() -> None:
    """PowerState keeps its old value for `seconds` after a change."""


@MACHINE.fault("busy-after-off", seconds=10.0)
def _busy_after_off() -> None:
    """Power-on is answered with 409 for `seconds` after a power-off."""


@MACHINE.fault("dead-on")
def _dead_on() -> None:
    """Power-on shows PowerState On; nothing starts and nothing is drawn."""


@MACHINE.fault("zero-watts")
def _zero_watts() -> None:
    """The BMC reads 0 W, whatever the host draws."""


@MACHINE.fault("full-load")
def _full_load() -> None:
    """The host draws its nameplate instead of what is typical, as under a tenant's load."""


@MACHINE.fault("power-lost")
def _power_lost() -> None:
    """Host and BMC have no power; when it is back the BMC is there and the host is off."""


@MACHINE.fault("bmc-restarts", seconds=8.0, times=1.0, during="")
def _bmc_restarts() -> None:
    """The BMC is away for `seconds` and forgets its sessions; `during=update` waits for one."""


@MACHINE.fault("not-ready", seconds=5.0)
def _not_ready() -> None:
    """After a restart or an update the BMC answers 503 for `seconds`."""


@MACHINE.fault("override-ignored", times=1.0)
def _override_ignored() -> None:
    """The firmware starts from disk, whatever the boot override says: nobody calls."""


@MACHINE.fault("override-sticks")
def _override_sticks() -> None:
    """A boot override that holds once is kept for good."""


@MACHINE.fault("no-lease", times=FOREVER)
def _no_lease() -> None:
    """The host's boot NIC gets no address: over HTTP, its image is never asked for."""


@MACHINE.fault("wrong-nic", times=1.0)
def _wrong_nic() -> None:
    """The firmware asks another NIC first, and forgets `times` times what order it was given."""


@MACHINE.fault("boot-order-late", tells="")
def _boot_order_late() -> None:
    """Its BMC shows a new order of NICs only after a start, or in `tells=settings` alone."""


@MACHINE.fault("image-fails", rate=1.0, times=1.0, path="")
def _image_fails() -> None:
    """A medium or an image breaks off while the BMC or the host fetches it."""


@MACHINE.fault("eject-corrupts")
def _eject_corrupts() -> None:
    """Ejecting the medium while the operating system runs ends it; the journal says so."""


@MACHINE.fault("bios-stuck", times=1.0)
def _bios_stuck() -> None:
    """A power-on drops the staged BIOS settings instead of applying them."""


@MACHINE.fault("task-vanishes", times=1.0, applied="yes")
def _task_vanishes() -> None:
    """An update's task is gone (404) when the update ends; `applied=no`: so is the update.

    `applied=late`: it is gone half-way, and the update goes on.
    """


@MACHINE.fault("update-lies", times=1.0)
def _update_lies() -> None:
    """An update's task ends in Completed and the version did not change."""


@MACHINE.fault("task-state", state="New")
def _task_state() -> None:
    """A running update's task says `state`: New, or a word that no standard has."""


@MACHINE.fault("bricks", times=1.0)
def _bricks() -> None:
    """An update that loses its power leaves half an image: no version, and nothing starts."""


@MACHINE.fault("slow-update", ratio=5.0)
def _slow_update() -> None:
    """Updates take `ratio` times as long."""
