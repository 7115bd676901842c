"""The two binary records that an IPMI bed is filled with: a FRU and a sensor's description.

By the IPMI Platform Management FRU specification 1.3 and IPMI 2.0, table 43-1.
"""

from __future__ import annotations

_LATIN = 0xC0
"""Type code of 8-bit text, in the two high bits of a length."""
_END = 0xC1


def hexadecimal(raw: bytes) -> str:
    """`0a 1b …`."""
    return raw.hex(" ")


def fru_bytes(*, manufacturer: str, product: str, serial: str) -> bytes:
    """A FRU with a product area and nothing else."""
    fields = b"".join(
        bytes([_LATIN | len(text)]) + text.encode()
        for text in (manufacturer, product, "PART-1", "1", serial, "ASSET-7")
    )
    area = bytes([0x01, 0x00, 0x19]) + fields + bytes([0xC0, _END])
    padded = area + bytes(-(len(area) + 1) % 8)
    area = bytes([padded[0], (len(padded) + 1) // 8]) + padded[2:]
    area += bytes([-sum(area) % 256])
    header = bytes([0x01, 0, 0, 0, 1, 0, 0])
    return header + bytes([-sum(header) % 256]) + area


def temperature_sdr(*, number: int, name: str) -> bytes:
    """A full sensor record: degrees Celsius, one for one."""
    body = bytes([0x20, 0x00, number])  # owner, LUN, sensor
    body += bytes([0x03, 0x01])  # processor 1
    body += bytes([0x7F, 0x68, 0x01, 0x01])  # initialization, capabilities, temperature, threshold
    body += bytes(6)  # masks: no events
    body += bytes([0x00, 0x01, 0x00])  # unsigned; degrees Celsius
    body += bytes([0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00])  # linear, M 1, B 0, exponents 0
    body += bytes([0x00, 0x28, 0x50, 0x0A, 0xFF, 0x00])  # nominal, normal and sensor bounds
    body += bytes(6)  # thresholds
    body += bytes([0x01, 0x01, 0x00, 0x00, 0x00])  # hysteresis, reserved, OEM
    body += bytes([_LATIN | len(name)]) + name.encode()
    return bytes([0x00, 0x00, 0x51, 0x01, len(body)]) + body
