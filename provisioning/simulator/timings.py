"""How long the simulated hardware takes, in one place.

Real hosts take minutes (memory training) to an hour (an HGX flash); the defaults keep the order of
the three and let a demo end within its two minutes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Hardware seconds; a clock's speed shortens them all."""

    power_on_s: float = 1.0
    """From the power button to PowerState On."""
    boot_s: float = 2.0
    """From PowerState On to the first instruction of the operating system."""
    shutdown_s: float = 0.5
    """From a graceful request to PowerState Off."""
    update_s: float = 4.0
    """Writing one firmware image."""
    erase_crypto_s: float = 1.0
    """Throwing a drive's key away."""
    erase_block_s: float = 4.0
    """Erasing every cell of a drive."""
    erase_overwrite_s: float = 16.0
    """Writing over every sector of a drive."""
    bmc_restart_s: float = 4.0
    """A BMC that was told to restart is away for so long."""
    fetch_timeout_s: float = 20.0
    """The longest a BMC waits for its media or image server; real seconds, never sped up."""
