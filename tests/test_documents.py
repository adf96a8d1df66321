"""README, docs and shipped configs say what is: their commands, configs and tables are run and compared."""
from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from medtl import registry
from medtl.cli.app import _build
from medtl.cli.failure import guarded
from medtl.config.document import parse
from medtl.config.load import load_config
from medtl.config.mistakes import Document
from medtl.errors import ConfigError
from medtl.places import shipped_folder
from medtl.scaffold import scaffold

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGS = sorted(shipped_folder("configs").glob("*.yaml"))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_every_shipped_config_is_read_and_says_what_it_is(path: Path) -> None:
    config = load_config(path)
    assert config.stem == path.stem
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_every_shipped_config_builds_its_model_and_its_methods(path: Path) -> None:
    from medtl.api.assemble import dataset, task_of
    from medtl.config.options import methods_of
    from medtl.models.build import build_model

    config = load_config(path, {"data.root": str(ROOT)})
    task = task_of(config, dataset(config).card)
    model = build_model(config.model, task=task, seed=0, needs_adaptation=True)
    assert list(model.parts)[-1] == "head"
    assert len(methods_of(config)) == sum(len(getattr(config.transfer, family)) for family in registry.FAMILIES)


def test_the_readmes_config_is_ten_lines_at_most_and_right(tmp_path: Path) -> None:
    (text,) = blocks(README, "yaml")
    assert len(text.splitlines()) <= 10
    (tmp_path / "nodules.yaml").write_text(text)
    assert load_config(tmp_path / "nodules.yaml").data.root == tmp_path


def test_the_readmes_table_agrees_with_the_registry() -> None:
    """A method that somebody adds need not be in it; what is in it exists, in that family, and every family is."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", README, flags=re.MULTILINE)
    assert set(rows) <= {(entry.name, entry.family) for entry in registry.entries("methods")}
    assert {family for _, family in rows} == {*registry.FAMILIES, "baseline"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists(page: Path) -> None:
    import typer

    group = typer.main.get_command(_build())
    for line in "\n".join(blocks(page.read_text(encoding="utf-8"), "sh")).splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "medtl":
            command = group.commands[words[1]]  # type: ignore[attr-defined]
            options = {name for parameter in command.params for name in parameter.opts} | {"-h", "--help"}
            assert {word for word in words[2:] if word.startswith("-")} <= options
        elif words and words[0] == "make":
            target = next(word for word in words[1:] if "=" not in word)
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_the_mistakes_that_the_docs_quote_are_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quoted = blocks((ROOT / "docs" / "configs.md").read_text(encoding="utf-8"), "text")[0].splitlines()
    monkeypatch.chdir(tmp_path)
    head = "task: {label: x}\ndata:\n  manifest: t.csv\n"
    Path("c.yaml").write_text(head + "  input: {window: lnug}\nsites: {source: [north], target: [north]}\n")
    with pytest.raises(ConfigError, match="lnug") as caught:
        load_config("c.yaml", ["train.epohs=3"])
    assert str(caught.value).splitlines() == quoted


@pytest.mark.slow
def test_the_readmes_commands_and_python_run_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a project of two sites with the README's own names."""
    scaffold(tmp_path / "p", with_card=False)
    monkeypatch.chdir(tmp_path / "p")
    text = Path("manifest.csv").read_text()
    for ours, theirs in {"first_hospital,": "north,", "second_hospital,": "south,", "blob": "nodule"}.items():
        text = text.replace(ours, theirs)
    Path("manifest.csv").write_text(text)
    document = Document(name="README")
    assert isinstance(parse(blocks(README, "yaml")[0], document), dict)
    quick = blocks(README, "yaml")[0].replace("window: lung, size: 128, slices: 8", "size: 64")
    Path("nodules.yaml").write_text(quick.replace("epochs: 20", "epochs: 1"))
    commands = next(block for block in blocks(README, "sh") if "predict" in block).replace("NEW_SCANS", "scans")
    for line in commands.splitlines():
        assert guarded(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    assert Path("answers.csv").is_file()
    code = blocks(README, "python")[0].replace('"new_scans"', '"scans"').replace("train.epochs=5", "train.epochs=1")
    exec(compile(code, "README.md", "exec"), {})  # the run is finished, so this is quick
    assert "80 studies scored" in capsys.readouterr().out
