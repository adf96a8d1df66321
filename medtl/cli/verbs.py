"""The commands that carry the product: train, evaluate, export, predict."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from medtl.cli.show import show

ConfigName = Annotated[
    str, typer.Option("--config", "-c", help="A YAML file, or the name of a shipped config such as chest_ct.yaml.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="key.path=value; replaces one value of the config. May be repeated.")
]


def train(
    config: ConfigName,
    overrides: Overrides = None,
    name: Annotated[str | None, typer.Option(help="The run's name; the config's without .yaml if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of runs; ./runs if not given.")] = None,
) -> None:
    """Train on the source sites, adapt to the target sites, and report both.

    An unfinished run resumes; a finished one says so. Ctrl-C loses nothing that was finished.
    """
    from medtl.config.load import load_config
    from medtl.progress import terminal_progress

    read = load_config(config, overrides or ())
    from medtl import api

    with terminal_progress() as progress:
        result = api.train(read, name=name, out=out, progress=progress)
    show(result)


def evaluate(
    run: Annotated[str, typer.Argument(help="A run's folder, or its name in ./runs.")],
    card: Annotated[str | None, typer.Option(help="Another data card to evaluate the run's model on.")] = None,
    root: Annotated[Path | None, typer.Option(help="The folder that the card's scans lie in.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the report goes; into the run if not given.")] = None,
    projection: Annotated[str, typer.Option(help="Of the map of features: pca, or umap if installed.")] = "pca",
) -> None:
    """Compute every figure of a run again from its predictions, or evaluate its model on another data card."""
    from medtl import api
    from medtl.evaluation.feature_map import known_projection
    from medtl.progress import terminal_progress
    from medtl.run import find_run

    with terminal_progress() as progress:
        result = api.evaluate(
            find_run(run).path,
            card=card,
            root=root,
            out=out,
            projection=known_projection(projection),
            progress=progress,
        )
    show(result)


def export(
    run: Annotated[str, typer.Argument(help="A finished run's folder, or its name in ./runs.")],
    out: Annotated[Path | None, typer.Option(help="The package's folder; export/ within the run if not given.")] = None,
    site: Annotated[str | None, typer.Option(help="The hospital to answer for, where the run harmonises by hospital.")]
    = None,
) -> None:
    """Write a run's model as a package for others, checked against the run's own predictions."""
    from medtl import api
    from medtl.progress import terminal_progress
    from medtl.run import find_run

    with terminal_progress() as progress:
        result = api.export(find_run(run).path, out=out, site=site, progress=progress)
    show(result)


def predict(
    package: Annotated[Path, typer.Argument(help="A folder that `medtl export` wrote.")],
    scans: Annotated[list[Path], typer.Argument(help="DICOM folders or files, NIfTI or image files.")],
    out: Annotated[Path, typer.Option(help="The CSV to write: study, scores, verdict, reason.")],
) -> None:
    """Score scans with an exported package: an answer or a refusal for each."""
    from medtl import api
    from medtl.progress import terminal_progress

    with terminal_progress() as progress:
        result = api.predict(package, scans, out, progress=progress)
    show(result)


COMMANDS: dict[str, Callable[..., Any]] = {"train": train, "evaluate": evaluate, "export": export, "predict": predict}
