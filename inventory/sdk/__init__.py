"""A typed client of the web API, generated from its description.

`Podyard` has a method for each operation; what it takes and gives are typed dictionaries, so that
an answer is what the service sent and a type checker knows its fields. `calls.py` and `models.py`
are written by `python -m inventory.sdk.generating`, and a test compares.
"""

from inventory.sdk.calls import Podyard

__all__ = ["Podyard"]
