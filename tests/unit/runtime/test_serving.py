"""What holds of a service however it is started: by the command, by a test, by a demo."""

from __future__ import annotations

import os
from asyncio import sslproto
from pathlib import Path

import pytest

from inventory.errors import Conflict
from inventory.statedir import StateDirectory
from inventory.tls_memory import READ_BYTES
from runtime.address import Address
from runtime.app.parts import ServeOptions
from runtime.app.serving import serve


async def test_a_service_keeps_small_read_buffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", 256 * 1024)
    state = StateDirectory(tmp_path)
    somewhere = Address("127.0.0.1", 0, "--listen")
    options = ServeOptions(
        state=state, role="all", api=somewhere, agents=somewhere, gateway=somewhere
    )
    held = state.lock()  # so that it ends as soon as it began
    try:
        with pytest.raises(Conflict, match="another podyard service"):
            await serve(options, say=print)
    finally:
        os.close(held)
    assert sslproto.SSLProtocol.max_size == READ_BYTES
