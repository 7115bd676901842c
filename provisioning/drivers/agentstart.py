"""Starting a host's agent with a boot document, where no BMC can insert a medium that carries one.

A host that somebody else runs is not booted by podyard: its operating system is there already, and
the agent's unit in it. What a boot medium brings to others, it is handed.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class AgentStarter(Protocol):
    """A way into a host that runs, by which its agent is started."""

    async def start_agent(self, document: bytes) -> None:
        """Converge: the host's agent runs with this boot document, and with none before it."""
