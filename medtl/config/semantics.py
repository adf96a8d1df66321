"""What a config must mean as a whole: names that exist, and sections that agree with each other."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from medtl import registry
from medtl.config.locate import available, find_card
from medtl.config.mistakes import Document, KeyPath, listed, shown
from medtl.errors import ConfigError
from medtl.types import nearest

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MONAI_RESNET = re.compile(r"monai_resnet(10|18|34|50|101|152|200)(_[ab])?(_bias)?")


def check_meaning(document: Document) -> None:
    """Notes what single values cannot show: it reads the document as written, and skips what is already wrong."""
    _task(document)
    _data(document)
    _sites(document)
    _model(document)
    _train(document)


def _get(document: Document, *keys: str) -> Any:
    return None if document.is_wrong(keys) else document.value(keys)


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else ()


def _task(document: Document) -> None:
    name = _get(document, "task", "name")
    known = registry.names("tasks")
    if name is not None and name not in known:
        _unknown(document, ("task", "name"), "a task", name, known)
    label, labels = _get(document, "task", "label"), _get(document, "task", "labels")
    wrong = document.is_wrong(("task", "label")) or document.is_wrong(("task", "labels"))
    if label is not None and labels is not None:
        document.wrong(("task", "labels"), "found label and labels; expected one of them")
    elif label is None and not labels and not wrong:
        document.wrong(("task",), "found no label, expected label: COLUMN or labels: [COLUMN, COLUMN]")
    classes = _get(document, "task", "classes")
    if classes is not None and labels:
        document.wrong(("task", "classes"), "found classes beside labels; each of several labels is 0 or 1")
    weights = _get(document, "task", "class_weights")
    if classes and isinstance(weights, list) and len(weights) != len(classes):
        document.wrong(("task", "class_weights"), f"found {len(weights)} weights for {len(classes)} classes")
    for key in ("labels", "classes"):
        _no_repeats(document, ("task", key))


def _data(document: Document) -> None:
    card = _get(document, "data", "card")
    if card is not None:
        try:
            find_card(card, beside=document.folder)
        except ConfigError:
            _unknown(document, ("data", "card"), "a data card", card, tuple(available("data_cards")))
    elif _get(document, "data", "manifest") is None and not document.is_wrong(("data",)):
        document.wrong(("data",), "found neither card nor manifest, expected card: NAME or manifest: FILE.csv")


def _sites(document: Document) -> None:
    source, target = (_names(_get(document, "sites", role)) for role in ("source", "target"))
    if not source and not document.is_wrong(("sites", "source")):
        document.wrong(("sites",), "found no source site, expected source: [SITE]")
    for role in ("source", "target"):
        _no_repeats(document, ("sites", role))
    if both := [site for site in target if site in source]:
        plays = f"{listed(both, 'and')} {'is' if len(both) == 1 else 'are'} also in source"
        document.wrong(("sites", "target"), f"{plays}; expected each site in one role")
    _fold(document)
    _folds(document)
    if target or document.is_wrong(("sites", "target")):
        return
    labels = _get(document, "sites", "target_labels")
    if labels not in (None, "none"):
        document.wrong(("sites", "target_labels"), f"found {shown(labels)}, but there is no target site")
    if _get(document, "sites", "transductive"):
        document.wrong(("sites", "transductive"), "found true, but there is no target site")
    bn = _get(document, "model", "bn")
    if bn in ("dsbn", "adabn"):
        document.wrong(("model", "bn"), f"found {shown(bn)}, but there is no target site to adapt to")


def _fold(document: Document) -> None:
    fold = _get(document, "sites", "hidden_fold")
    if not isinstance(fold, dict) or document.is_wrong(("sites", "hidden_fold")):
        return
    if fold["fold"] >= fold["of"]:
        document.wrong(("sites", "hidden_fold"), f"found fold {fold['fold']} of {fold['of']}, expected one from 0 to "
                       f"{fold['of'] - 1}")
    if _get(document, "sites", "target_labels") in (None, "none"):
        document.wrong(("sites", "hidden_fold"), "found a fold, but target_labels is none, so there is nothing to hide")


def _folds(document: Document) -> None:
    """Folds that test every patient once: how many, and which of them a run is."""
    folds, repeats = _get(document, "evaluate", "folds"), _get(document, "evaluate", "repeats")
    fold = _get(document, "sites", "test_fold")
    if folds == 2:
        document.wrong(("evaluate", "folds"), "found 2, expected 3 or more (1 for none): one part tests, one "
                       "validates, the others train")
    if isinstance(folds, int) and folds > 1:
        if isinstance(repeats, int) and repeats > 1:
            document.wrong(("evaluate", "folds"), f"found {folds} folds beside {repeats} repeats; expected one of them")
        if fold is not None:
            document.wrong(("sites", "test_fold"), f"found one fold beside evaluate.folds: {folds}, which trains all")
    if isinstance(fold, dict) and not document.is_wrong(("sites", "test_fold")):
        if fold["of"] < 3:
            document.wrong(("sites", "test_fold"), f"found {fold['of']} folds, expected 3 or more")
        elif fold["fold"] >= fold["of"]:
            document.wrong(("sites", "test_fold"), f"found fold {fold['fold']} of {fold['of']}, expected one from 0 to "
                           f"{fold['of'] - 1}")


def _model(document: Document) -> None:
    backbone = _get(document, "model", "backbone")
    if backbone is not None and not _is_backbone(backbone):
        _unknown(document, ("model", "backbone"), "a backbone", backbone, _backbones())
    weights, digest = _get(document, "model", "weights"), _get(document, "model", "sha256")
    from_file = weights is not None and weights not in ("imagenet", "none")
    if not from_file and digest is not None:
        document.wrong(("model", "sha256"), "found a digest, but weights names no file")
    if from_file and "/" not in weights and "." not in weights and not document.is_wrong(("model", "weights")):
        _unknown(document, ("model", "weights"), "imagenet, none or a file", weights, ("imagenet", "none"))
    elif from_file and digest is None and not document.is_wrong(("model", "sha256")):
        document.wrong(("model", "weights"), "found a file without its digest, expected sha256: HEX beside it")
    if from_file and digest is not None and not _SHA256.fullmatch(digest):
        document.wrong(("model", "sha256"), f"found {shown(digest)}, expected 64 digits of 0-9a-f (`sha256sum FILE`)")


def _train(document: Document) -> None:
    rule, known = _get(document, "train", "selection"), registry.names("selections")
    if rule is not None and rule not in known:
        _unknown(document, ("train", "selection"), "a selection rule", rule, known)
    _no_repeats(document, ("train", "sinks"))
    sinks = registry.names("sinks")
    for name in _names(_get(document, "train", "sinks")):
        if name not in sinks:
            _unknown(document, ("train", "sinks"), "a sink", name, sinks)


def _is_backbone(name: str) -> bool:
    if name in registry.names("backbones") or _MONAI_RESNET.fullmatch(name):
        return True
    if name.startswith("inflated_"):  # any 2D backbone in 3D
        return _is_backbone(name.removeprefix("inflated_").removeprefix("mean_"))
    import timm  # seconds, and only for names that no file of ours has

    return bool(timm.is_model(name.split(".")[0]))


def _backbones() -> tuple[str, ...]:
    import timm

    return (*registry.names("backbones"), *timm.list_models())


def _unknown(document: Document, keys: KeyPath, what: str, found: str, known: Iterable[str]) -> None:
    names = tuple(known)
    hint = nearest(found, names)
    tail = f"; did you mean {hint}?" if hint else f" ({listed(names)})" if 0 < len(names) <= 12 else ""
    document.wrong(keys, f"found {shown(found)}, expected {what}{tail}")


def _no_repeats(document: Document, keys: tuple[str, str]) -> None:
    repeated = [name for name, count in Counter(_names(_get(document, *keys))).items() if count > 1]
    if repeated:
        document.wrong(keys, f"{listed(repeated, 'and')} stands more than once")
