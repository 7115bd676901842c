"""Bring a database to the newest revision, from code: no ini file, no second command.

The service runs this at start. Migrations live beside it, one file each, and only ever add.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


def config_for(engine: sa.Engine) -> Config:
    """An Alembic configuration that uses this engine and this folder."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Upgrade to a revision. Idempotent."""
    command.upgrade(config_for(engine), revision)
