"""One config in many variants: another site, method, seed or number of labels, all else as it is written."""
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtl import registry
from medtl.config.load import load_config
from medtl.config.options import BASELINE, methods_of
from medtl.config.sections import Config
from medtl.errors import ConfigError
from medtl.types import nearest

if TYPE_CHECKING:
    from medtl.models.model import Model

OWN = "config"
"""The method entry that means the config's own transfer block."""
HARMONISED: Mapping[str, str] = {
    "histogram": "data.harmonize=histogram", "site_z": "data.harmonize=site_z", "combat": "data.harmonize=combat",
    "adabn": "model.bn=adabn", "tent": "evaluate.adapt=tent", "strong": "data.augment=strong",
}
"""Plain training with one way of harmonising, adapting or augmenting scans, by the name of its row in a table."""
ALL_HARMONISED = "harmonisation"
"""Stands for every one of them."""
TENT = "tent"
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Variants:
    """A config, and how variants of it are made.

    Attributes:
        base: as written, with the user's overrides.
        source: where it was read from.
        overrides: the user's, as ``key.path=value``.
    """

    base: Config
    source: str | Path | Mapping[str, Any]
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Variants:
        """Reads a config.

        Raises:
            ConfigError: every mistake in it.
        """
        return cls(load_config(source, overrides), source, tuple(overrides))

    def made(self, *changes: str) -> Config:
        """The config with further overrides.

        What ``train.precision: auto`` times and chooses could differ from process to process, and with it the numbers:
        variants compute in float32 instead. They leave out what each would show of the same scans again: the audit, and
        pictures of failures; and they are single runs, whose seeds a sweep chooses.

        Raises:
            ConfigError: what they make of it cannot work.
        """
        plain = ("train.precision=float32",) if self.base.train.precision == "auto" else ()
        once = ("evaluate.audit=off", "evaluate.failures=0", "evaluate.repeats=1", "evaluate.folds=1")
        return load_config(self.source, [*once, *self.overrides, *plain, *changes])

    def method(self, name: str) -> tuple[str, ...]:
        """Overrides that put one method in place of the transfer block.

        What the config fixes of the network (freezing, say) stays, unless the method is itself of that family, so that
        all variants have the same budget; ``source_only`` also drops the site's own batch normalisation, and
        ``config`` is the block as written.

        Args:
            name: ``source_only``, ``config``, one of HARMONISED, or a registry name with options behind colons, such
                as ``dan:weight=0.3``.

        Raises:
            ConfigError: no such method.
        """
        name, *options = name.split(":")
        if name == OWN:
            return ()
        if name == BASELINE or name in HARMONISED:
            if options:
                raise ConfigError(f"--methods {name}: found options {', '.join(options)}, expected none")
            bn = "joint" if self.base.model.bn not in ("joint", "frozen") else self.base.model.bn
            plain = (*_families({}, "network"), f"model.bn={bn}")
            return (*plain, HARMONISED[name]) if name in HARMONISED else plain
        families = {entry.name: entry.family for entry in registry.entries("methods")}
        if name not in families:
            known = (OWN, *HARMONISED, ALL_HARMONISED, *families)
            hint = nearest(name, known)
            raise ConfigError(f"--methods {name}: no such method" + (f"; did you mean {hint}?" if hint else "")
                              + f" `medtl list methods` shows all; {OWN} is the config's own transfer block")
        family = families[name] or "mapping"
        keep = "" if family == "network" else "network"
        entry = "".join(f", {key.strip()}: {value.strip()}" for key, _, value in (o.partition("=") for o in options))
        return _families({family: f"[{{method: {name}{entry}}}]"}, keep)

    def network(self) -> Model:
        """The network of the config, untrained."""
        from medtl.api.assemble import dataset, task_of
        from medtl.models.build import build_model

        task = task_of(self.base, dataset(self.base).card)
        return build_model(self.base.model, task=task, seed=0, say=_unsaid)

    def same_width(self, methods: Iterable[str]) -> tuple[str, ...]:
        """Overrides that give every method the adaptation layer that one of them needs, so that all train one network.

        Args:
            methods: as for :meth:`method`.
        """
        if self.base.model.adaptation is not None:
            return ()
        from medtl.models.build import ADAPTATION_WIDTH
        from medtl.training.checks import needs_adaptation

        model = self.network()
        needed = any(needs_adaptation(methods_of(self.made(*self.method(name))), model) for name in methods)
        return (f"model.adaptation={ADAPTATION_WIDTH}",) if needed else ()


def spelt_out(methods: Iterable[str]) -> tuple[str, ...]:
    """Names of methods, each once, with every way of harmonising in the place of the word for all of them.

    Args:
        methods: as for :meth:`Variants.method`, or ``harmonisation``.
    """
    named = [tuple(HARMONISED) if name == ALL_HARMONISED else (name,) for name in methods]
    return tuple(dict.fromkeys(name for names in named for name in names))


def sites_override(source: Sequence[str], target: Sequence[str]) -> tuple[str, str]:
    """Overrides that give sites their roles."""
    return f"sites.source={json.dumps(list(source))}", f"sites.target={json.dumps(list(target))}"


def words_for_folders(names: Iterable[str]) -> dict[str, str]:
    """Short words that can be part of a folder's name, one per name and no two alike."""
    words: dict[str, str] = {}
    for name in names:
        word = _ODD.sub("_", name).strip("_")[:24] or "site"
        taken = set(words.values())
        words[name] = word if word not in taken else next(
            f"{word}-{k}" for k in range(2, len(taken) + 3) if f"{word}-{k}" not in taken)
    return words


def _families(chosen: Mapping[str, str], keep: str) -> tuple[str, ...]:
    return tuple(f"transfer.{family}={chosen.get(family, '[]')}"
                 for family in registry.FAMILIES if family != keep)


def _unsaid(line: str) -> None:
    """Said by the runs."""
