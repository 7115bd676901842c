"""What drives say of themselves: parsers of `nvme` and `hdparm`, and nothing that touches a drive.

Pure. A field that is not there is unknown, never "no": a drive whose log cannot be read has proven
nothing, and one whose abilities cannot be read is asked for none.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

CRYPTO, BLOCK, OVERWRITE = 1, 2, 4
"""Bits of SANICAP."""
COMPLETED, COMPLETED_DEALLOCATED = 1, 4
RUNNING, FAILED = 2, 3
"""Bits 2:0 of SSTAT."""
GLOBAL_DATA_ERASED = 1 << 8


@dataclass(frozen=True, slots=True)
class SanitizeLog:
    """NVMe's log page 81h, as far as it matters."""

    status: int
    progress: int
    """Of 65536; 65535 when none runs."""

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self.status & 7 == RUNNING

    @property
    def failed(self) -> bool:
        """Whether the last one failed."""
        return self.status & 7 == FAILED

    @property
    def completed(self) -> bool:
        """Whether the last one ended well."""
        return self.status & 7 in {COMPLETED, COMPLETED_DEALLOCATED}

    @property
    def globally_erased(self) -> bool:
        """Whether nothing was written since."""
        return bool(self.status & GLOBAL_DATA_ERASED)

    @property
    def percent(self) -> int:
        """How far it is."""
        return self.progress * 100 // 65536


@dataclass(frozen=True, slots=True)
class AtaSecurity:
    """The security feature set of an ATA drive."""

    supported: bool
    enabled: bool
    locked: bool
    frozen: bool
    enhanced: bool
    """Enhanced erase also reaches sectors that were remapped."""


def sanitize_log(text: str) -> SanitizeLog | None:
    """`nvme sanitize-log`, as text or JSON; None when it says no status."""
    try:
        found = _json_log(json.loads(text))
    except ValueError:
        found = None
    if found is not None:
        return found
    status = re.search(r"\(SSTAT\)\s*:\s*(0x[0-9a-fA-F]+|\d+)", text)
    progress = re.search(r"\(SPROG\)\s*:\s*(\d+)", text)
    if status is None or progress is None:
        return None
    return SanitizeLog(int(status[1], 0), int(progress[1]))


def _json_log(body: object) -> SanitizeLog | None:
    """Some versions nest it below the device's name, and some wrap the status in an object."""
    if not isinstance(body, dict):
        return None
    if "sstat" not in body:
        inner = [one for one in body.values() if isinstance(one, dict) and "sstat" in one]
        return _json_log(inner[0]) if len(inner) == 1 else None
    status, progress = body.get("sstat"), body.get("sprog")
    if isinstance(status, str):
        status = int(status, 0)
    if not isinstance(status, int) or not isinstance(progress, int):
        return None
    return SanitizeLog(status, progress)


def sanitize_abilities(text: str) -> int | None:
    """SANICAP of `nvme id-ctrl`, as text or JSON; None when it does not say."""
    try:
        body = json.loads(text)
        value = body.get("sanicap") if isinstance(body, dict) else None
        return value if isinstance(value, int) else None
    except ValueError:
        found = re.search(r"^sanicap\s*:\s*(0x[0-9a-fA-F]+|\d+)", text, re.MULTILINE)
        return int(found[1], 0) if found is not None else None


def ata_security(text: str) -> AtaSecurity | None:
    """The security section of `hdparm -I`; None when it has none."""
    section = re.search(r"^Security:.*?\n((?:[ \t].*\n?)+)", text, re.MULTILINE)
    if section is None:
        return None
    lines = {" ".join(line.split()) for line in section[1].splitlines()}

    def has(word: str) -> bool:
        return word in lines

    if not ({"supported", "not supported"} & lines):
        return None
    return AtaSecurity(
        supported=has("supported"),
        enabled=has("enabled"),
        locked=has("locked"),
        frozen=has("frozen"),
        enhanced=has("supported: enhanced erase"),
    )
