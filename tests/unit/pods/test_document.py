"""A spec file is hostile until it is read: what is never constructed, what YAML may not mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.document import DEPTH_MAX, SIZE_MAX_BYTES, parse_document, read_document, to_yaml
from pods.errors import SpecError, SpecInvalid, SpecNotFound

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


def refused(raw: str | bytes) -> SpecError:
    with pytest.raises(SpecInvalid) as caught:
        parse_document(raw if isinstance(raw, bytes) else raw.encode())
    (error,) = caught.value.errors
    assert error.hint
    return error


@pytest.mark.parametrize(
    ("text", "path", "value", "words"),
    [
        (BOMB, "line 1", "'&a'", "anchors and aliases"),
        ("a: *b\n", "line 1", "'*b'", "anchors and aliases"),
        ("a: !!python/object/apply:os.system [x]", "line 1", "python/object", "tags"),
        ("a: !mine x", "line 1", "'!mine'", "tags"),
        ("a: 1\nb: 2\na: 3\n", "line 3", "'a'", "twice"),
        ('{"a": 1, "a": 2}', "", "'a'", "twice"),
        ("a: " + "[" * 5000 + "]" * 5000, "line 1", "16 levels", "nest"),
        ('{"a":\n' + "[" * 5000 + "]" * 5000 + "}", "line 2", "16 levels", "nest"),
        ("a: 1\n---\nb: 2\n", "line 2", "'---'", "second document"),
        ("? [a]\n: b", "line 1", "", "key must be text"),
        ("a:\n\t- b", "line 2, column 1", "", "not YAML"),
        ("a: \x07", "", "", "not YAML"),
        ('{"a": NaN}', "", "NaN", "not a number"),
        ('{"a": }', "line 1, column 7", "'}'", "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "", "", "too many digits"),
        ("a: " + "9" * 5000, "", "", "too many digits"),
        (b"a: \xff", "byte 3", "0xff", "UTF-8"),
        (b"[" + b"1," * 300_000 + b"1]", "line 1", "", "200000 values"),
    ],
)
def test_a_dangerous_or_misleading_document_is_refused_with_its_place(
    text: str | bytes, path: str, value: str, words: str
) -> None:
    error = refused(text)
    assert error.path == path
    assert value in error.value
    assert words in error.message


def test_a_file_over_one_mebibyte_is_refused_unread(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"a: " + b"x" * SIZE_MAX_BYTES)
    with pytest.raises(SpecInvalid) as caught:
        read_document(big)
    assert "1 MiB" in str(caught.value)


def test_a_file_of_exactly_one_mebibyte_is_read(tmp_path: Path) -> None:
    full = tmp_path / "full.yaml"
    full.write_bytes(b"a: " + b"x" * (SIZE_MAX_BYTES - 3))
    assert len(read_document(full)["a"]) == SIZE_MAX_BYTES - 3


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(SpecNotFound, match="No such file"):
        read_document(tmp_path / "none.yaml")


def test_nesting_up_to_the_cap_is_read() -> None:
    text = "[" * DEPTH_MAX + "]" * DEPTH_MAX
    assert parse_document(text.encode()) is not None
    inside = DEPTH_MAX - 1
    assert parse_document(('{"a": ' + "[" * inside + "]" * inside + "}").encode())
    refused("[" + text + "]")


def test_brackets_inside_json_text_are_not_nesting() -> None:
    assert parse_document(b'{"a": "[[[[[[[[[[[[[[[[[[[[[[\\"[[["}')["a"].startswith("[[")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("No", "No"),
        ("1:30", "1:30"),
        ("2025-01-01", "2025-01-01"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("1.8.0", "1.8.0"),
        ("true", True),
        ("~", None),
        ("null", None),
        ("", None),
        ("-3", -3),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        ("'7'", "7"),
    ],
)
def test_yaml_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    found = parse_document(f"a: {text}\n".encode())["a"]
    assert found == value
    assert type(found) is type(value)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53), max_value=2**53)
    | st.floats(min_value=-1e6, max_value=1e6)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcxyz<", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), json_values, max_size=5))
def test_json_reads_back_as_it_was_written(value: dict[str, object]) -> None:
    assert parse_document(json.dumps(value).encode()) == value


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), json_values, max_size=5))
def test_yaml_that_we_write_reads_back_as_it_was(value: dict[str, object]) -> None:
    assert parse_document(to_yaml(value).encode()) == value


@pytest.mark.parametrize("text", ["0E0", "1e3", "true", "~", "", "007", "on", "1:30", "=", "<<"])
def test_text_that_looks_like_something_else_keeps_its_quotes(text: str) -> None:
    assert parse_document(to_yaml({"a": text}).encode()) == {"a": text}


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_a_refusal(raw: bytes) -> None:
    found: object = None
    try:
        found = parse_document(raw)
    except SpecInvalid as refusal:
        found = refusal.errors[0]
    assert isinstance(found, SpecError | dict | list | str | int | float | None)
