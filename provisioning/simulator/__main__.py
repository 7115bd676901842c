"""`python -m provisioning.simulator`."""

from __future__ import annotations

import typer

from provisioning.simulator.cli import simulate

if __name__ == "__main__":
    typer.run(simulate)
