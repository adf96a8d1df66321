"""The shape of the house: imports go downward only, files stay small, rooms have names, nothing names a machine."""
from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "medtl"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("types", "functional", "registry", "errors", "progress", "atomic", "places", "cores"),
    ("config", "run", "predictions"),
    ("io",),
    ("sources",),
    ("models", "tasks", "data"),
    ("methods",),
    ("training", "evaluation", "export"),
    ("api", "scaffold", "listing"),
    ("cli",),
    ("__main__", "__init__"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
STRANGERS = {"training", "evaluation", "export"}
"""Parts of one layer that never import each other."""


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Dotted names within medtl that a file imports anywhere, TYPE_CHECKING blocks and functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "medtl":
                    yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            if node.module == "medtl":
                yield from ((f"medtl.{alias.name}", node.lineno) for alias in node.names)
            elif node.module and node.module.startswith("medtl."):
                yield node.module, node.lineno


def upward(path: Path) -> list[str]:
    mine, found = part(path), []
    for name, line in imports(path):
        if name == "medtl":  # for its version; everything else in it is fetched when used
            continue
        theirs = name.split(".")[1]
        if theirs not in LEVEL:
            found.append(f"{path.relative_to(ROOT)}:{line}: {name} has no layer")
        elif LEVEL[theirs] > LEVEL[mine] or (theirs != mine and {theirs, mine} <= STRANGERS):
            found.append(f"{path.relative_to(ROOT)}:{line}: {mine} imports {name}")
    return found


def test_every_part_has_a_layer() -> None:
    assert {part(path) for path in files()} <= set(LEVEL)


def test_imports_go_downward_only() -> None:
    assert [line for path in files() for line in upward(path)] == []


def test_an_upward_import_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "io").mkdir()
    planted = tmp_path / "io" / "planted.py"
    planted.write_text("def f():\n    from medtl.training.engine import run_plan\n")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert upward(planted) == ["io/planted.py:2: io imports medtl.training.engine"]


def test_the_predictor_reads_packages_without_a_trainer() -> None:
    """Whatever ``export.predictor`` imports, directly or through others, is no training, method or evaluation."""
    start = PACKAGE / "export" / "predictor.py"
    if not start.exists():
        pytest.skip("export.predictor is not there yet")
    seen, waiting = set(), [start]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name, _ in imports(path):
            steps = name.split(".")[1:]
            for candidate in (PACKAGE.joinpath(*steps).with_suffix(".py"), PACKAGE.joinpath(*steps, "__init__.py")):
                if candidate.is_file():
                    waiting.append(candidate)
    assert {part(path) for path in seen} & {"training", "methods", "evaluation"} == set()


def test_files_are_one_idea_each() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
    assert statistics.median(length for length in lengths.values() if length > 3) <= 200


def test_rooms_have_names() -> None:
    forbidden = {"util", "utils", "helper", "helpers", "common", "misc"}
    named = {name for path in files() for name in (path.stem, *path.relative_to(PACKAGE).parts)}
    assert named & forbidden == set()


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


NOT_HERE = re.compile(
    rb"(?<![\w.$}/~])/(?:home|root|Users|work|opt|mnt|scratch)/\w[\w.-]*/?\w*|https?://(?:[\w.-]*pypi[\w.-]*|[\w.-]*artifactory"
    rb"[\w.-]*|[\w.-]*\.internal\b)"
)


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    found = []
    for path in tracked():
        if path.suffix in {".png", ".jpg", ".gz", ".npz", ".dcm"} or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if match := NOT_HERE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group().decode(errors='replace')}")
    assert found == []


def test_no_pickle_anywhere() -> None:
    """Nothing that medtl reads can run code: no pickle, no unsafe load."""
    found = []
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] in {"pickle", "dill", "cloudpickle", "joblib", "shelve"} for name in names):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {names}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                call = ast.unparse(node.func)
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                unsafe = (call in {"np.load", "numpy.load"} and given.get("allow_pickle") == "True") or (
                    call == "torch.load" and given.get("weights_only") != "True"
                )
                if unsafe or call in {"yaml.unsafe_load", "eval", "exec"}:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {call}")
    assert found == []
