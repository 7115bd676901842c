"""A list of expected hosts is read cell by cell; what is wrong is told by line and column."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.expecting.lists import CELL_MAX, ROWS_MAX, Fault, address_of, mac_of, read_list
from inventory.exporting import safe_cell
from inventory.refusals import Refused

HEAD = "name,pod,slot,serial,mac,bmc,username,password"
LINE = "r1-h1,lab,s1,SN1,aa-bb-cc-dd-ee-01,10.0.0.1,root,calvin"


def faults_of(text: str | bytes) -> list[Fault]:
    raw = text if isinstance(text, bytes) else text.encode()
    return read_list(raw).faults


def test_a_row_has_the_form_that_a_record_takes() -> None:
    (row,) = read_list(f"{HEAD},enrol\n{LINE},yes\n".encode()).rows
    assert (row.name, row.pod, row.slot, row.serial) == ("r1-h1", "lab", "s1", "SN1")
    assert row.macs == ("aa:bb:cc:dd:ee:01",)
    assert row.bmc == "redfish+https://10.0.0.1"
    assert row.password is not None
    assert row.password.get_secret_value() == "calvin"
    assert row.enrol
    assert "calvin" not in repr(row)


@pytest.mark.parametrize(
    "raw",
    [
        f"{HEAD}\n{LINE}\n".encode(),
        f"\ufeff{HEAD}\r\n{LINE}\r\n".encode(),
        f"{HEAD}\n{LINE}\n".replace(",", ";").encode(),
        f"{HEAD}\n{LINE}\n".replace(",", "\t").encode(),
        f"{HEAD}\n{LINE}\n".encode("utf-16"),
        f"{HEAD.upper()}\n\n,,,,\n{LINE}\n".encode(),
        f"{HEAD.replace('mac', 'MAC address')}\n{LINE}\n".encode(),
    ],
    ids=["plain", "mark and CRLF", "semicolons", "tabs", "UTF-16", "empty lines", "other names"],
)
def test_what_spreadsheets_write_is_read(raw: bytes) -> None:
    listed = read_list(raw)
    assert not listed.faults
    assert [row.serial for row in listed.rows] == ["SN1"]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "the list is empty"),
        (b"\n\n", "the list is empty"),
        (b"name,pod,slot\n", "this column is missing"),
        (b"name,pod,slot,serial,serial\n", "this column stands twice"),
        (b"name,pod,slot,serial,serial number\n", "this column stands twice"),
        (b"name,pod,slot,serial,colour\n", "column 5 is none that a list has"),
        (b'name,pod,slot,serial\n"a,b\n', "not CSV"),
        (b"name,pod,slot,serial\n\xff,b,c,d\n", "not utf-8 text"),
        (b"name,pod,slot,serial\n\x00a,b,c,d\n", "NUL bytes"),
        (b"PK\x03\x04\x14\x00\x08", "NUL bytes"),
        (b"x" * (4 * 1024 * 1024 + 1), "more than 4 MiB"),
    ],
)
def test_what_is_no_list_is_refused_whole(raw: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        read_list(raw)
    assert refused.value.body.hint


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("name", "", "this is needed"),
        ("name", "R1-H1", "not a name"),
        ("name", "=cmd|' /C calc'!A0", "a spreadsheet would compute this"),
        ("name", "@SUM(A1)", "a spreadsheet would compute this"),
        ("pod", "../lab", "not a name"),
        ("slot", "-s1", "a spreadsheet would compute this"),
        ("serial", "", "this is needed"),
        ("serial", "1.23E+08", "a spreadsheet rounded this number"),
        ("serial", "SN 1", "not a serial number"),
        ("serial", "+49", "a spreadsheet would compute this"),
        ("mac", "aa:bb:cc:dd:ee", "not a MAC address"),
        ("mac", "ff:ff:ff:ff:ff:ff", "not a MAC address"),
        ("mac", "00:00:00:00:00:00", "not a MAC address"),
        ("mac", "01:00:5e:00:00:01", "not a MAC address"),
        ("username", "", "a user and a password go together"),
        ("username", "ro\x1bot", "letters that do not show"),
        ("password", "", "a user and a password go together"),
        ("password", "a\nb", "letters that do not show"),
        ("bmc", "x" * (CELL_MAX + 1), "more than 1024 characters"),
    ],
)
def test_a_wrong_cell_is_told_with_line_column_value_and_hint(
    column: str, value: str, why: str
) -> None:
    cells = dict(zip(HEAD.split(","), LINE.split(","), strict=True)) | {column: value}
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells.values())
    (fault,) = faults_of(f"{HEAD}\n{quoted}\n")
    assert (fault.line, fault.column) == (2, column)
    assert why in fault.message
    assert fault.hint
    if column == "password":
        assert fault.value == ""


def test_a_password_is_taken_as_it_stands_and_never_shown() -> None:
    text = f'{HEAD}\nr1-h1,lab,s1,SN1,,,root,"\'=+ p,w "\nr1-h2,lab,s2,SN 2,,,root,secret-one\n'
    listed = read_list(text.encode())
    assert listed.rows[0].password is not None
    assert listed.rows[0].password.get_secret_value() == "'=+ p,w "
    assert "secret-one" not in repr(listed)


def test_a_line_is_told_as_an_editor_counts_it() -> None:
    text = f'{HEAD}\nr1-h1,lab,s1,SN1,,,root,"two\nlines"\nr1-h2,lab,s2,SN 2,,,,\n'
    assert [(f.line, f.column) for f in faults_of(text)] == [(2, "password"), (4, "serial")]


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("name", "r1-h1,lab,s2,SN2,,,,"),
        ("slot", "r1-h2,lab,s1,SN2,,,,"),
        ("serial", "r1-h2,lab,s2,SN1,,,,"),
        ("mac", "r1-h2,lab,s2,SN2,aabb.ccdd.ee01,,,"),
        ("bmc", "r1-h2,lab,s2,SN2,,redfish+https://10.0.0.1:443/,,"),
    ],
)
def test_two_rows_do_not_share_what_tells_hosts_apart(column: str, other: str) -> None:
    (fault,) = faults_of(f"{HEAD}\n{LINE}\n{other}\n")
    assert (fault.line, fault.column) == (3, column)
    assert "line 2 has this" in fault.message


def test_too_many_cells_and_an_account_twice_are_told() -> None:
    assert "there are 8 columns" in faults_of(f"{HEAD}\n{LINE},more\n")[0].message
    twice = faults_of(f"{HEAD},account\n{LINE},dell\n")
    assert twice[0].message == "it has an account twice"


def test_a_list_with_too_many_rows_is_refused() -> None:
    rows = "\n".join(f"h{n},lab,s{n},S{n}" for n in range(ROWS_MAX + 1))
    with pytest.raises(Refused, match=f"more than {ROWS_MAX} rows"):
        read_list(f"name,pod,slot,serial\n{rows}\n".encode())


def test_what_our_own_export_writes_is_read_back() -> None:
    """Our exports put an apostrophe before what a spreadsheet would compute."""
    cell = safe_cell("@weird")
    (fault,) = faults_of(f"{HEAD}\nr1-h1,lab,s1,{cell},,,,\n")
    assert fault.message == "a spreadsheet would compute this"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("none", ""),
        ("-", ""),
        ("10.0.0.1", "redfish+https://10.0.0.1"),
        ("10.0.0.1:443", "redfish+https://10.0.0.1"),
        ("fd00::7", "redfish+https://[fd00::7]"),
        ("[fd00::7]:8443", "redfish+https://[fd00::7]:8443"),
        ("ipmi://10.0.0.1:623", "ipmi://10.0.0.1"),
        ("redfish+https://b.example/", "redfish+https://b.example"),
    ],
)
def test_an_address_has_one_spelling(given: str, read: str) -> None:
    assert address_of(given) == read


@pytest.mark.parametrize("given", ["AA:BB:CC:DD:EE:0F", "aabb.ccdd.ee0f", "aa-bb-cc-dd-ee-0f"])
def test_a_mac_address_has_one_spelling(given: str) -> None:
    assert mac_of(given) == "aa:bb:cc:dd:ee:0f"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_list_or_a_refusal(raw: bytes) -> None:
    with contextlib.suppress(Refused):
        listed = read_list(b"name,pod,slot,serial,mac,bmc\n" + raw)
        assert all(fault.hint for fault in listed.faults)
