"""What the report tells of the data and the network besides figures, noted in the run while it is at hand."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from medtl.data.cards import Card
from medtl.run import RunFolder
from medtl.training.moves import Move


def note_card(folder: RunFolder, card: Card | None) -> None:
    """Writes ``card.json``: what the data card says of the scans, without paths or counts.

    Args:
        folder: of the run.
        card: or None where the config names a manifest itself.
    """
    if card is None:
        return
    folder.write_json("card.json", {
        "name": card.name, "title": card.title, "what": " ".join(card.what.split()), "modality": card.modality,
        "licence": " ".join(card.licence.split()), "citation": " ".join(card.citation.split()),
        "obtain": " ".join(card.obtain.split()), "patients": card.patients,
        "labels": {name: {"classes": list(label.classes), "what": label.what} for name, label in card.labels.items()},
        "sites": {name: {"what": site.what, "scanners": list(site.scanners)} for name, site in card.sites.items()},
        "known_shifts": list(card.known_shifts), "do_not_use_for": list(card.do_not_use_for),
    })


def note_moves(folder: RunFolder, moves: Sequence[Move]) -> None:
    """Writes ``moves.json``: a row per part of the network, frozen or trained, and at which rate.

    Args:
        folder: of the run.
        moves: as :func:`medtl.training.moves.table_of_moves` gives them.
    """
    folder.write_json("moves.json", [asdict(move) for move in moves])
