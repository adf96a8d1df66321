"""What a config can name, with one sentence each; read from the sources, so that listing imports nothing heavy."""
from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from medtl import registry
from medtl.errors import ConfigError
from medtl.types import nearest

_FILES = {"configs": "configs", "cards": "data_cards"}
KINDS: tuple[str, ...] = (*get_args(registry.Kind), *_FILES)


@dataclass(frozen=True)
class Named:
    """One line of ``medtl list``.

    Attributes:
        name: what a config or a command writes.
        family: for methods: instances, mapping, network, adversarial or baseline; else empty.
        summary: one sentence.
    """

    name: str
    family: str
    summary: str

    def as_json(self) -> dict[str, str]:
        """As ``--json`` prints it: ``family`` only where there is one."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value or key != "family"}


def listing(what: str) -> tuple[Named, ...]:
    """Everything of a kind, sorted by family and name.

    Args:
        what: one of :data:`KINDS`.

    Raises:
        ConfigError: no such kind.
    """
    if what in _FILES:
        return _files(what)
    if what not in KINDS:
        hint = nearest(what, KINDS)
        expected = f"did you mean {hint}?" if hint else f"expected {', '.join(KINDS)}"
        raise ConfigError(f"medtl list {what}: no such kind; {expected}")
    entries = registry.entries(what)  # type: ignore[arg-type]
    return tuple(Named(entry.name, entry.family, _summary(entry)) for entry in entries)


def _files(what: str) -> tuple[Named, ...]:
    from medtl.config.locate import available

    suffix = ".yaml" if what == "configs" else ""
    found = available("configs" if what == "configs" else "data_cards")
    return tuple(Named(name + suffix, "", _comment(path)) for name, path in found.items())


def _comment(path: Path) -> str:
    """The title of a card, or the first comment line of a config."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("title:"):
            return line.removeprefix("title:").strip().strip("\"'")
    for line in lines:
        if line.startswith("#"):
            return line.lstrip("# ").rstrip()
        if line.strip():
            break
    return ""


def _summary(entry: registry.Entry) -> str:
    """First sentence of the docstring of what an entry names, or of its module, read without importing it."""
    module, _, attribute = entry.module.partition(":")
    try:
        spec = importlib.util.find_spec(module)
    except ImportError:
        return ""
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return ""
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    wanted = _folded(attribute or entry.name)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and _folded(node.name) == wanted:
            return _sentence(ast.get_docstring(node) or ast.get_docstring(tree) or "")
    return _sentence(ast.get_docstring(tree) or "")


def _folded(name: str) -> str:
    return name.replace("_", "").casefold()


def _sentence(docstring: str) -> str:
    return " ".join(docstring.strip().split("\n\n")[0].split())


NEEDED = "must be given"
"""What stands for the default of an option that has none."""


def method_page(name: str) -> str:
    """A transfer method for people: its docstring, its options with types and defaults, and how a config names it.

    Args:
        name: as ``medtl list methods`` shows it.

    Raises:
        ConfigError: no such method.
    """
    from medtl.config.expected import hints, words

    signature = registry.load("methods", name)
    family = next(entry.family for entry in registry.entries("methods") if entry.name == name)
    known = hints(signature)
    lines = [f"{name} ({family})" if family else name, "", inspect.getdoc(signature) or "", ""]
    if known:
        lines.append("Options:")
        rows = [(option, words(known[option]), _default(signature, option)) for option in known]
        lines += [f"  {option}: {kind}; {default}" for option, kind, default in rows]
    else:
        lines.append("It has no options.")
    if family == "baseline":
        lines += ["", "In a config: leave `transfer:` empty."]
    else:
        needed = "".join(f", {option}: …" for option in known if _default(signature, option) == NEEDED)
        lines += ["", "In a config:", "  transfer:", f"    {family or 'FAMILY'}: [{{method: {name}{needed}}}]"]
    return "\n".join(lines)


def _default(signature: Any, option: str) -> str:
    field = next(field for field in dataclasses.fields(signature) if field.name == option)
    if field.default is not dataclasses.MISSING:
        return f"default {field.default!r}"
    if field.default_factory is not dataclasses.MISSING:
        return f"default {field.default_factory()!r}"
    return NEEDED
