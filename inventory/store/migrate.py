"""Bring a database to the newest revision, from code: no ini file, no second command.

The service runs this at start. Migrations live beside it, one file each, and only ever add.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from inventory.errors import Invalid

MIGRATIONS = Path(__file__).parent / "migrations"


def config_for(engine: sa.Engine, *, migrations: Path = MIGRATIONS) -> Config:
    """An Alembic configuration that uses this engine and this folder."""
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = engine
    return config


def upgrade(engine: sa.Engine, revision: str = "head", *, migrations: Path = MIGRATIONS) -> None:
    """Upgrade to a revision. Idempotent. Invalid for a database that a newer podyard wrote."""
    config = config_for(engine, migrations=migrations)
    scripts = ScriptDirectory.from_config(config)
    found = revision_of(engine)
    known = {script.revision for script in scripts.walk_revisions()}
    if found and found not in known:
        raise Invalid(
            f"the database has schema {found}, this podyard knows {scripts.get_current_head()} "
            "at most: a newer podyard wrote it",
            hint="run that podyard, or restore the backup from before the upgrade",
        )
    if found != scripts.get_current_head():
        command.upgrade(config, revision)


def revision_of(engine: sa.Engine) -> str:
    """The schema that a database has; empty for one without any."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def newest_revision() -> str:
    """The schema that this podyard writes."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return str(ScriptDirectory.from_config(config).get_current_head())
