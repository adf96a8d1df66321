"""Finds a config or a data card by name: beside, in the project's folder, then among those that came with medtl."""
from __future__ import annotations

from pathlib import Path

from medtl.errors import ConfigError
from medtl.places import Shipped, shipped_folder
from medtl.types import nearest

_WORD = {"configs": "config", "data_cards": "data card"}


def find_config(name: str | Path) -> Path:
    """The file that ``--config NAME`` means: in the working directory, then in ./configs, then shipped.

    Raises:
        ConfigError: there is none; the message lists what there is.
    """
    return _find("configs", str(name), (Path(), Path("configs")))


def find_card(name: str | Path, beside: Path | None = None) -> Path:
    """The file of a data card: a bare name is looked for in folders of cards, ``FILE.yaml`` beside the config first.

    Args:
        name: a card's name (``covid_ct``), or a path to its file (``my_card.yaml``).
        beside: folder of the config that names it; the working directory if None.

    Raises:
        ConfigError: there is none; the message lists what there is.
    """
    here = beside or Path()
    folders: tuple[Path, ...] = (here / "data_cards", Path("data_cards"))
    if Path(name).suffix:  # a bare name would find the config of that name itself
        folders = (here, Path(), *folders)
    return _find("data_cards", str(name), folders)


def available(kind: Shipped) -> dict[str, Path]:
    """Configs or data cards by name: those of the project's folder and those that came with medtl."""
    found: dict[str, Path] = {}
    for folder in (Path(kind), shipped_folder(kind)):
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def _find(kind: Shipped, name: str, folders: tuple[Path, ...]) -> Path:
    wanted = Path(name).expanduser()
    for folder in (*folders, shipped_folder(kind)):
        for candidate in (wanted, wanted.with_name(wanted.name + ".yaml")):
            if (folder / candidate).is_file():
                return folder / candidate
    known = available(kind)
    hint = nearest(wanted.name.removesuffix(".yaml").removesuffix(".yml"), list(known))
    looked = dict.fromkeys(str(folder.resolve()) for folder in folders)
    raise ConfigError(
        f"{name}: no such {_WORD[kind]}" + (f"; did you mean {hint}?" if hint else ".")
        + f" Looked in {', '.join(looked)} and among those shipped: {', '.join(known) or 'none'}"
    )
