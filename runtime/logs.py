"""Logs as one JSON object a line, on stderr: fields, not sentences.

Only fields from a list are written. A secret that is handed to a log call by mistake has no field
of its own and is dropped; the message itself never has values in it.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

FIELDS = (
    "host", "old", "new", "problem", "verb", "ms", "outcome", "cause", "claim", "cluster",
    "tenant", "deployment", "count", "status", "method", "path", "address", "role", "model",
    "reason", "phase", "by_s",
)  # fmt: skip
VALUE_MAX_CHARS = 500


class JsonLines(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, allowed fields, and the exception's chain."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for field in FIELDS:
            if hasattr(record, field):
                line[field] = str(getattr(record, field))[:VALUE_MAX_CHARS]
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def configure_logs(*, level: str = "INFO") -> None:
    """Send every logger to stderr; keep libraries that log secrets at DEBUG quiet."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("redfish", "httpx", "httpcore", "aiohttp.access", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
