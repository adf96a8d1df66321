"""predictions.csv there and back, to the last bit of float32, and what is refused on the way."""
from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtl.errors import DataError
from medtl.predictions import Predictions, read_predictions, write_predictions
from medtl.predictions.table import IDENTITY


def table(kind: str = "binary", n: int = 6, **changes: object) -> Predictions:
    rng = np.random.default_rng(0)
    classes = {"binary": ("no, never", 'a "nodule"'), "multiclass": ("a", "b", "c"), "multilabel": ("x", "y"),
               "regression": ()}[kind]
    width = max(len(classes), 1)
    text = {name: np.array([f"{name}{i}" for i in range(n)]) for name in IDENTITY}
    text |= {"role": np.full(n, "source"), "split": np.full(n, "test"), "model": np.full(n, "adapted")}
    labels = rng.integers(-1, 2, (n, width if kind == "multilabel" else 1))
    if kind == "regression":
        labels = np.where(labels < 0, np.nan, labels)
    made = Predictions(
        **text, kind=kind, classes=classes, labels=labels,  # type: ignore[arg-type]
        scores=rng.random((n, width)).astype(np.float32).astype(np.float64),
        logits=None if kind == "regression" else rng.normal(size=(n, width)).astype(np.float32).astype(np.float64),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
@pytest.mark.parametrize("with_logits", [True, False])
def test_there_and_back(tmp_path: Path, kind: str, with_logits: bool) -> None:
    before = table(kind)
    before = before if with_logits else replace(before, logits=None)
    write_predictions(tmp_path / "predictions.csv", before)
    after = read_predictions(tmp_path / "predictions.csv")
    assert (after.kind, after.classes) == (before.kind, before.classes)
    for name in (*IDENTITY, "labels"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    np.testing.assert_array_equal(after.scores.astype(np.float32), before.scores.astype(np.float32))
    assert (after.logits is None) == (before.logits is None)
    if after.logits is not None and before.logits is not None:
        np.testing.assert_array_equal(after.logits.astype(np.float32), before.logits.astype(np.float32))


def test_the_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    for kind, tail in (
        ("multiclass", "label,score_a,score_b,score_c,logit_a,logit_b,logit_c"),
        ("multilabel", "label_x,label_y,score_x,score_y,logit_x,logit_y"), ("regression", "value,predicted"),
    ):
        write_predictions(tmp_path / "p.csv", table(kind))
        header = (tmp_path / "p.csv").read_text().splitlines()[0]
        assert header == "study,patient,site,scanner,role,split,model," + tail


def test_an_unknown_label_is_blank_and_digits_are_nine(tmp_path: Path) -> None:
    made = table(labels=np.full((6, 1), -1), scores=np.full((6, 2), 1 / 3))
    write_predictions(tmp_path / "p.csv", made)
    row = next(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert row["label"] == ""
    assert row['score_a "nodule"'] == "0.333333333"


def test_a_refused_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    write_predictions(path, table())
    before = path.read_bytes()
    with pytest.raises(DataError, match="row 1 has scores"):
        write_predictions(path, table(scores=np.full((6, 2), np.nan)))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"]


@pytest.mark.parametrize(("change", "said"), [
    ({"scores": np.full((6, 2), 1.5)}, "numbers in \\[0, 1\\]"),
    ({"labels": np.full((6, 1), 2)}, "outside the classes"),
    ({"split": np.full(6, "exam")}, "'exam' is none of train, val, test, adapt"),
    ({"model": np.full(6, "oracle")}, "'oracle' is none of"),
    ({"study": np.full(6, "s"), "site": np.full(6, "a")}, "answered twice"),
])
def test_what_no_figure_should_be_computed_from_is_refused(
    tmp_path: Path, change: dict[str, np.ndarray], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        write_predictions(tmp_path / "p.csv", table(**change))


@pytest.mark.parametrize(("text", "said"), [
    ("", "columns study, patient"),
    ("study,patient\n", "columns site, scanner"),
    ("study,patient,site,scanner,role,split,model,label,score_a\n", "1 columns score_"),
    ("study,patient,site,scanner,role,split,model,label,score_a,score_b\n", "no rows"),
    ("study,patient,site,scanner,role,split,model,label,score_a,score_b,extra\n", "expected study"),
    ("study,patient,site,scanner,role,split,model,label,score_a,score_b\n1,1,n,,source,test,adapted,a,.5\n", "9 cells"),
    ("study,patient,site,scanner,role,split,model,label,score_a,score_b\n1,1,n,,source,test,adapted,c,.5,.5\n",
     "row 1, label: 'c' is none of a, b"),
    ("study,patient,site,scanner,role,split,model,label,score_a,score_b\n1,1,n,,source,test,adapted,a,.5,half\n",
     "'half' is not a number"),
])
def test_a_damaged_file_is_named_with_its_row(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        read_predictions(tmp_path / "p.csv")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not found"):
        read_predictions(tmp_path / "p.csv")
