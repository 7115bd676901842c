"""Whose a unit is and what it costs: a rented host says so itself, an owned one's pod does."""

from __future__ import annotations

from collections.abc import Mapping

from inventory.model import Pod

OWNED = "podyard.io/owned"
PRICE = "podyard.io/price-per-hour"


def offer_of(labels: Mapping[str, str], pod: Pod | None) -> tuple[bool, float]:
    """Whether it is owned, and its price for an hour."""
    owned = labels.get(OWNED, "true") != "false"
    if PRICE in labels:
        try:
            return owned, float(labels[PRICE])
        except ValueError:  # a label is text: what is no number says no price
            return owned, 0.0
    return owned, pod.price_per_unit_hour if pod else 0.0
