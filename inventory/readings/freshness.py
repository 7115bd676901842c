"""How old a reading may be and still say something of now.

An old reading says nothing of what a host draws, and a host without one is not a host without a
draw: whoever decides by readings takes what was promised for those that are older than this.
"""

from __future__ import annotations

FRESH_S = 180.0
"""Three rounds: one that was missed is no reason to forget what a host draws."""
