"""YAML as data only: no tags, no merge keys, no duplicate keys, aliases within bounds, and a line for every key."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from medtl.config.mistakes import Document, KeyPath, shown
from medtl.errors import ConfigError

MAX_CHARACTERS = 100_000
MAX_BRACKETS = 200
"""Open at once, counted before parsing: the parser's time grows with their square."""
MAX_NODES = 20_000
"""Aliases count as often as they are used, so that a short file cannot unfold into a large one."""
MAX_DEPTH = 20

_PLAIN = "tag:yaml.org,2002:"


class _TooLarge(Exception):
    pass


def read_document(path: Path) -> Document:
    """Reads a config file.

    Args:
        path: as the user wrote it; messages repeat it.

    Raises:
        ConfigError: the file cannot be read as text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}") from error
    document = Document(name=str(path), folder=path.resolve().parent)
    value = parse(text, document)
    if isinstance(value, dict):
        document.data = value
    elif value is not None and not document.mistakes:
        document.wrong((), f"found {shown(value)}, expected sections such as `task:` and `data:`")
    return document


def parse(text: str, document: Document, at: KeyPath = ()) -> Any:
    """One YAML value; what is wrong with it goes to ``document.mistakes``, lines to ``document.lines``.

    Args:
        text: YAML 1.2.
        document: receives lines (unless ``at`` is given: then the text is no part of its file) and mistakes.
        at: key path that the value will stand at.
    """
    if len(text) > MAX_CHARACTERS:
        document.wrong(at, f"longer than {MAX_CHARACTERS} characters, which no config needs")
        return None
    if _open_brackets(text) > MAX_BRACKETS:
        document.wrong(at, f"opens more than {MAX_BRACKETS} brackets at once, which no config needs")
        return None
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        return None if root is None else _Reader(document, lines=not at).value(root, at, 0)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is not None and not at:
            document.lines[()] = mark.line + 1
        document.wrong(at, f"not YAML: {_one_line(error)}")
    except (_TooLarge, RecursionError):
        document.wrong(at, f"unfolds into more than {MAX_NODES} values or {MAX_DEPTH} levels, which no config needs")
    except YAMLError as error:
        document.wrong(at, f"not YAML: {' '.join(str(error).split())[:120]}")
    return None


def _open_brackets(text: str) -> int:
    most = now = 0
    for character in text:
        now += (character in "[{") - (character in "]}")
        most = max(most, now)
    return most


def _one_line(error: MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return " ".join(" ".join(parts).split()) or "cannot be parsed"


class _Reader:
    def __init__(self, document: Document, lines: bool) -> None:
        self._document = document
        self._lines = lines
        self._nodes = 0

    def value(self, node: Node, at: KeyPath, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise _TooLarge
        if isinstance(node, MappingNode) and self._tag(node) == "map":
            return self._mapping(node, at, depth)
        if isinstance(node, SequenceNode) and self._tag(node) == "seq":
            return [self._item(item, (*at, position), depth) for position, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, at)
        self._wrong(at, f"found the tag {str(node.tag)!r}, expected plain data: a config names things, it runs nothing")
        return None

    def _item(self, node: Node, at: KeyPath, depth: int) -> Any:
        self._note(at, node)
        return self.value(node, at, depth + 1)

    def _mapping(self, node: MappingNode, at: KeyPath, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or self._tag(key_node) == "merge":
                self._wrong(at, "found a key that is not a word; expected `key: value` (merge keys are not read)")
                continue
            key = str(key_node.value)
            if key in found:
                again = f" (again on line {key_node.start_mark.line + 1})" if self._lines else ""
                self._wrong((*at, key), f"the key stands twice{again}; expected it once")
                continue
            self._note((*at, key), key_node)
            found[key] = self.value(value_node, (*at, key), depth + 1)
        return found

    def _scalar(self, node: ScalarNode, at: KeyPath) -> Any:
        kind, text = self._tag(node), str(node.value)
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return text.casefold() == "true"
            if kind == "int":
                return int(text, 0) if text.lstrip("+-").startswith(("0x", "0o", "0b")) else int(text)
            if kind == "float":
                return float(text.replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf"))
        except ValueError:
            return text
        if kind in {"str", "timestamp"}:
            return text
        self._wrong(at, f"found the tag {str(node.tag)!r}, expected plain data: a config names things, it runs nothing")
        return None

    def _tag(self, node: Node) -> str:
        return str(node.tag).removeprefix(_PLAIN)

    def _note(self, at: KeyPath, node: Node) -> None:
        if self._lines:
            self._document.lines.setdefault(at, node.start_mark.line + 1)

    def _wrong(self, at: KeyPath, message: str) -> None:
        self._document.wrong(at, message)
