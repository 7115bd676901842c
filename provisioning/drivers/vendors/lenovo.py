"""Lenovo: XCC and XCC2."""

from __future__ import annotations

from provisioning.drivers.vendors.quirk import Quirk, made_by

_LENOVO = made_by("lenovo")

QUIRKS = (
    Quirk(
        name="lenovo-only-ext-drives",
        vendor="Lenovo",
        seen_on="XCC 2.50 (19A)",
        source="lenovo/python-redfish-lenovo #21",
        meaning="lists ten virtual drives, of which only EXT1 to EXT4 take an image from a URL",
        applies=_LENOVO,
        habit={"media_prefix": "EXT"},
    ),
    Quirk(
        name="lenovo-insert-by-patch",
        vendor="Lenovo",
        seen_on="ThinkSystem SR630 V2, XCC 1.89 (AFBT20X)",
        source="stmcginnis/gofish #529",
        meaning="has no InsertMedia action: an image is put in by a PATCH, with Inserted in it",
        applies=_LENOVO,
        cured_by="redfish/media.py: a drive without the action is patched",
    ),
)
