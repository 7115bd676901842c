"""How Alembic runs our migrations: on the engine handed over by `inventory.store.migrate`."""

from __future__ import annotations

from alembic import context

from inventory.store.tables import LEASES


def run() -> None:
    """Run the migrations in one transaction each."""
    engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=LEASES.metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            transaction_per_migration=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
