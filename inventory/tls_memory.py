"""What an idle TLS connection takes of memory.

asyncio gives each a read buffer of 256 KiB, filled with zeros, and asks for as much at each read. A
service of a thousand hosts holds over a thousand such connections (an agent's each, and those to
BMCs), most of them silent: 256 MiB of zeros. A TLS record holds 16 KiB at most, so a buffer of two
of them reads as fast; it is only smaller. There is no parameter for it, only this attribute.
"""

from __future__ import annotations

from asyncio import sslproto

READ_BYTES = 8 * 1024


def bound_read_buffers() -> None:
    """For every TLS connection that this process makes from now on."""
    sslproto.SSLProtocol.max_size = READ_BYTES
