"""How Alembic runs our migrations: on the engine handed over by `inventory.store.migrate`.

Each migration is one transaction on both databases, so that one which fails leaves the schema as it
was. On PostgreSQL an advisory lock lets one process migrate while others wait.
"""

from __future__ import annotations

from alembic import context

from inventory.store.tables import LEASES

MIGRATING = 0x706F6479  # "pody": any number will do that nobody else takes


def run() -> None:
    """Run the migrations in one transaction each."""
    engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.detach()  # neither the lock nor the settings go back into the pool
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("SET lock_timeout = 0")
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATING})")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=LEASES.metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            transactional_ddl=True,
            transaction_per_migration=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
