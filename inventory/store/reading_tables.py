"""Where readings lie: packed rows in tables of their own, beside the records and never in them.

The newest readings and the days that were rolled up have no version and no document: they are
written by one worker, over and over, and read by time. Both are kept in the order of their key,
which begins with the host: a chart reads one stretch of it.
"""

from __future__ import annotations

import sqlalchemy as sa

from inventory.store.schema import metadata, text_type

READINGS = sa.Table(
    "readings",
    metadata,
    sa.Column("host_id", text_type(64), primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("watts", sa.Double, nullable=True),
    sa.Column("celsius", sa.Double, nullable=True),
    sa.Column("leak", sa.Integer, nullable=True),
    sa.Column("layout", sa.BigInteger, nullable=False),
    sa.Column("samples", sa.LargeBinary, nullable=False),
    sa.Index("ix_readings_at", "at"),
)
"""Five minutes of one host, with what it said last of its draw, its warmest sensor and its worst
leak detector: what pictures of the whole site need, without unpacking anything."""

READING_DAYS = sa.Table(
    "reading_days",
    metadata,
    sa.Column("host_id", text_type(64), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("layout", sa.BigInteger, nullable=False),
    sa.Column("buckets", sa.LargeBinary, nullable=False),
    sa.Index("ix_reading_days_day", "day"),
)
"""One day of one host in buckets of five minutes. Days are counted from 1970, in UTC."""

READING_LAYOUTS = sa.Table(
    "reading_layouts",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("series", sa.Text, nullable=False),
)
"""The names of a row's columns, one a line: the same for all hosts that tell the same."""

METERS = sa.Table(
    "meters",
    metadata,
    sa.Column("host_id", text_type(64), primary_key=True),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("watts", sa.Double, nullable=True),
    sa.Column("counter_kwh", sa.Double, nullable=True),
    sa.Column("joules", sa.BigInteger, nullable=False),
    sa.Column("gaps", sa.Integer, nullable=False),
    sa.Column("gap_s", sa.Double, nullable=False),
)
"""How much each host drew since it is read. Records, not readings: they are in every backup."""

BMC_LINES = sa.Table(
    "bmc_lines",
    metadata,
    sa.Column("host_id", text_type(64), primary_key=True),
    sa.Column("line", text_type(96), primary_key=True),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=True),
    sa.Column("source", text_type(64), nullable=False),
    sa.Column("severity", text_type(32), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Index("ix_bmc_lines_seen_at", "seen_at"),
)
"""What BMCs wrote in their logs, each line once; `at` is the BMC's own clock."""

NOT_IN_BACKUPS = frozenset({READINGS.name, READING_DAYS.name, READING_LAYOUTS.name, BMC_LINES.name})
"""A year of readings of a large site is more than all of its records, and nothing is decided by
them: a backup is for what cannot be measured again."""
