"""YAML is data: what could run, hide or unfold is refused; lines are those of the file."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.config.document import MAX_CHARACTERS, parse, read_document
from medtl.config.mistakes import Document
from medtl.errors import ConfigError


def wrong(text: str) -> str:
    document = Document(name="c.yaml")
    parse(text, document)
    with pytest.raises(ConfigError) as caught:
        document.stop_if_wrong()
    (line,) = caught.value.lines
    return line


def test_plain_values_and_their_lines() -> None:
    document = Document(name="c.yaml")
    value = parse("a: 1\nb:\n  c: [1.5, true, null, text, 1e-3]\n  d: 2020-01-02\n'e': \"1\"\n", document)
    assert value == {"a": 1, "b": {"c": [1.5, True, None, "text", 0.001], "d": "2020-01-02"}, "e": "1"}
    assert document.lines[("b", "d")] == 4
    assert document.lines[("b", "c", 4)] == 3
    assert document.place(("b", "zzz")) == "c.yaml:2"


def test_yes_and_no_are_words() -> None:
    assert parse("[yes, no, on, NO]", Document(name="c")) == ["yes", "no", "on", "NO"]


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']", "a: !!python/name:os.system ''", "!!set {a, b}", "a: !own 3",
        "a: !!binary aGVsbG8=",
    ],
)
def test_tags_are_refused_and_run_nothing(text: str) -> None:
    assert "expected plain data" in wrong(text)


def test_duplicate_keys_are_mistakes_with_both_lines() -> None:
    assert wrong("train:\n  epochs: 3\n  epochs: 4\n") == (
        "c.yaml:2: train.epochs: the key stands twice (again on line 3); expected it once"
    )


def test_a_short_file_cannot_unfold_into_a_large_one() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    assert "unfolds into more than" in wrong(bomb)


def test_depth_recursion_and_length_are_bounded() -> None:
    assert "brackets" in wrong("[" * 5000 + "]" * 5000)
    assert "levels" in wrong("[" * 100 + "]" * 100)
    assert "unfolds" in wrong("- " * 5000)
    assert "unfolds" in wrong("a: &a [*a]") or "not YAML" in wrong("a: &a [*a]")
    assert "longer than" in wrong("a: " + "x" * MAX_CHARACTERS)


def test_aliases_within_bounds_are_read_and_merge_keys_are_not() -> None:
    assert parse("a: &x [1]\nb: *x\n", Document(name="c")) == {"a": [1], "b": [1]}
    assert "merge keys" in wrong("a: &x {k: 1}\nb:\n  <<: *x\n")


@pytest.mark.parametrize(("text", "line"), [("a: [1,\n", 2), ("a: 1\n b: 2\n", 2), ("a: 'x\n", 2), ("\ta: 1", 1)])
def test_what_is_not_yaml_is_told_with_its_line(text: str, line: int) -> None:
    message = wrong(text)
    assert "not YAML" in message
    assert message.startswith(f"c.yaml:{line}"), message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_document(path)
    with pytest.raises(ConfigError, match="No such file"):
        read_document(tmp_path / "absent.yaml")
    path.write_text("- a\n- b\n")
    assert read_document(path).mistakes[0].message.startswith("found ['a', 'b'], expected sections")
    path.write_text("")
    assert read_document(path).data == {}
