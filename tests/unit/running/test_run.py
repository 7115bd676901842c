"""What `make test` itself promises: nothing is left out, mixed up, or passed that failed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import run

CASES = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure message="x"/></testcase>
<testcase name="c"><skipped message="no browser
  here"/></testcase></testsuite></testsuites>"""


def job(name: str, program: str, *arguments: str, junit: Path | None = None) -> run.Job:
    return run.Job(name, (sys.executable, "-c", program, *arguments), junit)


def run_jobs(*jobs: run.Job, folder: Path, lanes: int = 2) -> list[run.Result]:
    return run.run_all(jobs, lanes=lanes, folder=folder)


def collected(suite: str) -> list[str]:
    """Test files of a suite."""
    places = [run.ROOT / path for path in run.paths_of(suite)]
    files = [file for one in places for file in ([one] if one.is_file() else one.rglob("*.py"))]
    return [str(one.relative_to(run.ROOT)) for one in files if one.name.startswith("test_")]


def test_every_test_file_belongs_to_one_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [str(file.relative_to(run.ROOT)) for file in (run.ROOT / "tests").rglob("test_*.py")]
    named = [file for suite in [*run.SUITES, run.REST] for file in collected(suite)]
    assert sorted(named) == sorted(there)
    monkeypatch.delitem(run.SUITES, "store")
    left = collected(run.REST)
    assert "tests/contract/store/test_store_contract.py" in left
    assert "store" not in [one.name for one in run.jobs_of("push")]
    assert run.REST in [job.name for job in run.jobs_of("push")]


def test_checks_and_suites_begin_in_their_order() -> None:
    suites = list(run.SUITES)
    names = [one.name for one in run.jobs_of("push")]
    assert [name for name in names if name != run.REST] == [
        suites[0], *run.CHECKS, *suites[1:],
    ]  # fmt: skip
    assert [one.name for one in run.jobs_of("check")] == list(run.CHECKS)
    with pytest.raises(KeyError):
        run.jobs_of("psuh")


def test_a_suite_that_names_nothing_does_not_run_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(run.SUITES, "gone", ["tests/no-such-folder"])
    with pytest.raises(SystemExit, match="gone"):
        run.paths_of("gone")


def test_a_failure_fails_the_whole_and_what_it_said_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "import sys; print('out'); print('because', file=sys.stderr); sys.exit(3)"
    good, bad = job("good", "print('all well')"), job("bad", said)
    results = run_jobs(good, bad, folder=tmp_path)
    assert [(one.name, one.passed, one.failed) for one in results] == [
        ("good", 1, 0), ("bad", 0, 1),
    ]  # fmt: skip
    assert run.report(results, seconds=1.0, lanes=2) == 1
    shown = capsys.readouterr().out
    assert "--- bad failed" in shown
    assert "because" in shown
    assert "all well" not in shown, "a check is heard of when it fails"
    assert "1 passed, 1 failed, 0 skipped" in shown
    assert run.report(results[:1], seconds=1.0, lanes=2) == 0


def test_two_at_once_never_mix_what_they_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meets = tmp_path / "meets"
    os.mkfifo(meets)
    # Each end of a pipe opens when the other does: so both do run at once.
    reads = "import sys; print('r1', flush=True); open(sys.argv[1]).read(); print('r2')"
    writes = "import sys; print('w1', flush=True); open(sys.argv[1], 'w').close(); print('w2')"
    names = {"reads": reads, "writes": writes}
    jobs = [job(name, says, str(meets), junit=tmp_path / name) for name, says in names.items()]
    run_jobs(*jobs, folder=tmp_path)
    shown = capsys.readouterr().out
    assert "--- reads\nr1\nr2\n" in shown
    assert "--- writes\nw1\nw2\n" in shown


def test_one_lane_runs_one_after_the_other(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    makes = job("makes", "import sys; open(sys.argv[1], 'w').close()", str(mark))
    finds = job("finds", "import os, sys; os.stat(sys.argv[1])", str(mark))
    assert sum(one.failed for one in run_jobs(makes, finds, folder=tmp_path, lanes=1)) == 0


@pytest.mark.parametrize(
    ("document", "code", "counted"),
    [
        (CASES, 1, (1, 1, 1)),
        (CASES.replace("failure", "properties"), 0, (2, 0, 1)),
        (CASES.replace("failure", "properties"), 3, (2, 1, 1)),  # pytest broke at its end
        (CASES[:60], 0, (0, 1, 0)),  # it was killed while it wrote
        ("", 0, (0, 1, 0)),
        ("<testsuites/>", 5, (0, 0, 0)),  # nothing of this suite is in the selection
        (None, 0, (0, 1, 0)),
    ],
)
def test_what_pytest_tells_is_believed_only_whole(
    tmp_path: Path, document: str | None, code: int, counted: tuple[int, int, int]
) -> None:
    junit = tmp_path / "cases.xml"
    junit.write_text("<testsuites/>")  # an earlier run's, which says that all is well
    program = "import sys; document = sys.argv[2]\n"
    program += "if document != 'none': open(sys.argv[1], 'w').write(document)\n"
    program += "sys.exit(int(sys.argv[3]))"
    given = "none" if document is None else document
    (told,) = run_jobs(
        job("suite", program, str(junit), given, str(code), junit=junit), folder=tmp_path
    )
    assert (told.passed, told.failed, sum(told.skipped.values())) == counted
    if counted[2]:
        assert dict(told.skipped) == {"no browser here": 1}


def test_an_interruption_ends_what_runs_and_shows_what_it_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = "import os, signal, sys; print(os.getpid(), flush=True); signal.pause()"
    started: list[run.Running] = []

    def interrupted(running: run.Running) -> bool:
        if running.output.read_text():
            started.append(running)
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(run.Running, "has_ended", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_jobs(job("waits", waits), folder=tmp_path)
    (one,) = started
    assert one.process.poll() not in {None, 0}
    shown = capsys.readouterr().out
    assert "--- waits failed" in shown
    assert str(one.process.pid) in shown
