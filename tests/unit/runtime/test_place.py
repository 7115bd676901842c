"""Where things lie, and which directory Ray may have for itself."""

from __future__ import annotations

from pathlib import Path

from runtime.place import RAY_TEMP_BYTES_MAX, Place, is_mount


def make_place(run: str = "/srv/h/run", *, isolated: bool = True) -> Place:
    return Place(run=Path(run), root=Path("/srv/h/root"), isolated=isolated)


def test_host_that_is_told_nothing_is_a_real_one() -> None:
    assert Place.from_environment({}) == Place(Path("/run/podyard"), Path("/"), isolated=True)


def test_the_machines_own_tmp_ray_is_never_taken() -> None:
    """It is emptied when an order ends, and somebody else's Ray may live in it."""
    assert make_place().ray_temp == Path("/srv/h/root/var/lib/podyard/ray")
    assert make_place(isolated=False).ray_temp == Path("/srv/h/run/ray")


def test_long_run_directory_gets_a_short_one_of_its_own() -> None:
    one, two = (make_place("/srv/" + name * 60, isolated=False).ray_temp for name in "ab")
    assert one != two
    assert len(str(one)) <= RAY_TEMP_BYTES_MAX


def test_bind_mount_on_the_same_file_system_is_seen(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "36 35 98:0 /srv/x/tmp/ray /tmp/ray rw,noatime - ext4 /dev/root rw\n"
        "37 35 0:5 / /proc rw - proc proc rw\n"
    )
    assert is_mount(Path("/tmp/ray"), mounts=table)  # noqa: S108 - only a name
    assert not is_mount(Path("/tmp"), mounts=table)  # noqa: S108 - only a name
