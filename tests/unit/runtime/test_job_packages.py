"""What a job's package may hold at its top."""

from __future__ import annotations

import io
import zipfile

import pytest

from runtime.answers import Problem
from runtime.jobsproxy import check_package


def make_zip(*names: str) -> io.BytesIO:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return held


@pytest.mark.parametrize(
    "name", ["pods/x.py", "inventory/x", "provisioning/a/b", "runtime/", "runtime.py", "./pods.py"]
)
def test_package_that_hides_one_of_ours_is_refused_by_name(name: str) -> None:
    with pytest.raises(Problem, match="would hide podyard's own modules"):
        check_package(make_zip("main.py", name))


def test_our_names_below_the_top_are_the_tenants_own() -> None:
    check_package(make_zip("main.py", "app/runtime/x.py", "podsx/y.py", "runtime.txt"))


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(Problem, match="not a zip"):
        check_package(io.BytesIO(b"hello"))
