"""Reads data cards, with every mistake at once."""
from __future__ import annotations

import dataclasses
from pathlib import Path

from medtl import registry
from medtl.config.document import read_document
from medtl.config.expected import hints
from medtl.config.locate import find_card
from medtl.config.mistakes import Document, listed
from medtl.config.validate import check_value, validated
from medtl.data.card_check import Drift, check_card
from medtl.data.card_schema import Card, LabelCard, SiteCard, SourceCard
from medtl.types import nearest

__all__ = ["Card", "Drift", "LabelCard", "SiteCard", "SourceCard", "check_card", "load_card"]


def load_card(name: str | Path, beside: Path | None = None) -> Card:
    """Reads and checks a card.

    Args:
        name: a card's name, or its file.
        beside: folder of the config that names it; the working directory if None.

    Returns:
        The card.

    Raises:
        ConfigError: no such card, or mistakes in it, one line each: file, line, key, what was found and expected.
    """
    path = find_card(name, beside)
    document = read_document(path)
    if "origin" in document.data:
        document.wrong(("origin",), "unknown key; the card's own place is not written in it")
    check_value(document, (), Card, {key: value for key, value in document.data.items() if key != "origin"})
    _check_required(document)
    _check_counts(document)
    _check_source(document)
    document.stop_if_wrong()
    card: Card = validated(Card, document.data)
    return dataclasses.replace(card, origin=path.resolve())


def _check_required(document: Document) -> None:
    for field in dataclasses.fields(Card):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and field.name not in document.data:
            hint = nearest(field.name, tuple(document.data))
            document.mistakes[:] = [m for m in document.mistakes if m.keys]  # said better below
            document.wrong((field.name,), "missing" + (f"; is it {hint}?" if hint else "; every card states it"))


def _check_counts(document: Document) -> None:
    """Labels and classes that sites speak of must be in the vocabulary."""
    labels, sites = document.value(("labels",)), document.value(("sites",))
    if document.is_wrong(("labels",)) or not isinstance(labels, dict) or not isinstance(sites, dict):
        return
    for site, block in sites.items():
        if not isinstance(block, dict) or any(document.is_wrong(("sites", site, k)) for k in ("classes", "prevalence")):
            continue
        for key in ("classes", "prevalence"):
            for label, found in (block.get(key) or {}).items():
                if label not in labels:
                    hint = nearest(label, tuple(labels))
                    document.wrong(("sites", site, key, label),
                                   "no such label in labels" + (f"; did you mean {hint}?" if hint else ""))
                    continue
                known = [str(name) for name in (labels[label] or {}).get("classes", LabelCard().classes)]
                for name in found if isinstance(found, dict) else ():
                    if name not in known:
                        document.wrong(("sites", site, key, label, name), f"no such class; expected {listed(known)}")


def _check_source(document: Document) -> None:
    name = document.value(("source", "name")) or SourceCard().name
    known = registry.names("sources")
    if document.is_wrong(("source",)):
        return
    if name not in known:
        hint = nearest(name, known)
        document.wrong(("source", "name"),
                       f"found {name!r}, expected {listed(known)}" + (f"; did you mean {hint}?" if hint else ""))
        return
    signature = registry.load("sources", name)
    options = hints(signature)
    for option, value in (document.value(("source", "options")) or {}).items():
        at = ("source", "options", option)
        if option not in options:
            hint = nearest(option, tuple(options))
            document.wrong(at, f"{name} has no such option; " + (f"did you mean {hint}?" if hint
                                                                else f"expected {listed(options)}"))
        else:
            check_value(document, at, options[option], value)
