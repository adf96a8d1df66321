"""The sections of a config, each a frozen dataclass: the signature is the schema, and defaults stand here once."""
from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", validate_default=False, allow_inf_nan=False)

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(gt=0)]


@dataclass(frozen=True, config=_STRICT)
class TaskSection:
    """What is predicted. `label` names one column (binary or multiclass), `labels` several (multilabel)."""

    name: str = "classification"
    label: str | None = None
    labels: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    class_weights: Literal["balanced"] | tuple[float, ...] | None = None


@dataclass(frozen=True, config=_STRICT)
class InputSection:
    """From a volume to the array that the model sees: intensity window, then size, then slices."""

    window: Literal["lung", "soft_tissue", "bone", "percentiles", "none"] = "percentiles"
    size: Annotated[int, Field(ge=16, le=1024)] = 224
    slices: Annotated[int, Field(ge=1, le=512)] = 1
    spacing_mm: Annotated[float, Field(gt=0)] | None = None


@dataclass(frozen=True, config=_STRICT)
class DataSection:
    """Which scans, and how they are prepared."""

    card: str | None = None
    root: Path | None = None
    manifest: str | None = None
    input: InputSection = Field(default_factory=InputSection)
    augment: Literal["none", "light", "strong"] = "light"
    harmonize: Literal["none", "histogram", "site_z", "combat"] = "none"
    max_refused: Fraction = 0.05

    @property
    def card_stem(self) -> str:
        """A word for the data set, fit for a folder: the card's name, or the manifest's."""
        return Path(self.card or self.manifest or "data").stem


@dataclass(frozen=True, config=_STRICT)
class PerClass:
    """So many labelled target patients of each class."""

    per_class: Positive


@dataclass(frozen=True, config=_STRICT)
class Total:
    """So many labelled target patients in all."""

    total: Positive


@dataclass(frozen=True, config=_STRICT)
class Fold:
    """One of several folds of patients, counted from 0."""

    fold: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=2)]


@dataclass(frozen=True, config=_STRICT)
class SitesSection:
    """Which site plays which role, and which target labels training may see. `split_seed` splits patients in place of
    `train.seed`; `hidden_fold` hides one fold of the labels that could be seen, for cross-validation on them;
    `test_fold` makes one fold of every site's patients its test part, in place of a share of them."""

    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    target_labels: Literal["none", "all"] | PerClass | Total = "none"
    domains: Literal["site", "scanner"] = "site"
    transductive: bool = False
    split_seed: Annotated[int, Field(ge=0)] | None = None
    hidden_fold: Fold | None = None
    test_fold: Fold | None = None


@dataclass(frozen=True, config=_STRICT)
class ModelSection:
    """The network: backbone, weights (`imagenet`, `none`, or a file with `sha256`), pooling over slices, adaptation
    layer, batch normalisation over domains, head."""

    backbone: str = "efficientnet_lite0"
    weights: str = "imagenet"
    sha256: str | None = None
    pooling: Literal["mean", "max", "attention"] = "mean"
    adaptation: Annotated[int, Field(ge=0)] | None = None
    bn: Literal["joint", "split", "dsbn", "adabn", "frozen"] = "joint"
    head: Literal["linear"] = "linear"


@dataclass(frozen=True, config=_STRICT)
class TransferSection:
    """Transfer methods by family: lists of `{method: NAME, option: value}`, checked against each method's signature."""

    instances: tuple[dict[str, Any], ...] = ()
    mapping: tuple[dict[str, Any], ...] = ()
    network: tuple[dict[str, Any], ...] = ()
    adversarial: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, config=_STRICT)
class TrainSection:
    """How it is trained. `early_stopping` is a number of epochs without gain; `lr_backbone` scales pretrained parts;
    `class_balanced` draws the classes of each source domain equally often, and undoes it in the answers;
    `accumulate` adds up the gradients of so many batches before a move; `clip_norm` bounds a gradient's norm (null for
    no bound). `precision: auto` lets a measured trial choose precision and layout; `bank_views` is how many augmented
    views of a scan are drawn from where the front stands still; `sinks` names where losses and figures go besides the
    run's folder."""

    epochs: Positive = 20
    batch_size: Annotated[int, Field(ge=2)] = 16
    class_balanced: bool = False
    lr: Annotated[float, Field(gt=0)] = 1e-3
    lr_backbone: Annotated[float, Field(ge=0)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    optimizer: Literal["adamw", "sgd"] = "adamw"
    schedule: Literal["constant", "cosine", "inverse"] = "cosine"
    early_stopping: Positive | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    selection: str = "source_validation"
    accumulate: Positive = 1
    clip_norm: Annotated[float, Field(gt=0)] | None = 10.0
    precision: Literal["auto", "float32", "bf16"] = "auto"
    layout: Literal["auto", "contiguous", "channels_last"] = "auto"
    compile: bool = False
    feature_bank: Literal["auto", "off"] = "auto"
    bank_views: Positive = 8
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    baseline: bool = True
    sinks: tuple[str, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class EvaluateSection:
    """How it is judged. `failures` is how many false alarms, and how many misses, are shown as images per site;
    `prevalence`, `sensitivity` and `specificity` are what figures refer to, and the sensitivity that thresholds should
    keep; `set_error` is what sets of classes may miss; `calibration` is fitted on source validation;
    `repeats` is how many seeds, each with its own split, are trained and pooled; `folds` (3 or more, or 1 for none)
    trains as many runs of which each tests another part of the patients, so that all are tested once."""

    bootstrap: Annotated[int, Field(ge=0)] = 2000
    threshold: Literal["youden"] | Fraction = "youden"
    adapt: Literal["none", "tent"] = "none"
    audit: Literal["auto", "off"] = "auto"
    failures: Annotated[int, Field(ge=0, le=20)] = 2
    calibration: Literal["none", "temperature", "platt", "isotonic"] = "none"
    prevalence: Annotated[float, Field(gt=0, lt=1)] = 0.1
    sensitivity: Annotated[float, Field(gt=0, lt=1)] = 0.95
    specificity: Annotated[float, Field(gt=0, lt=1)] = 0.9
    set_error: Annotated[float, Field(gt=0, lt=1)] = 0.1
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    folds: Annotated[int, Field(ge=1, le=50)] = 1


@dataclass(frozen=True, config=_STRICT)
class Config:
    """A whole run.

    Attributes:
        origin: the file that it was read from; no key of a config, and never serialised.
    """

    task: TaskSection = Field(default_factory=TaskSection)
    data: DataSection = Field(default_factory=DataSection)
    sites: SitesSection = Field(default_factory=SitesSection)
    model: ModelSection = Field(default_factory=ModelSection)
    transfer: TransferSection = Field(default_factory=TransferSection)
    train: TrainSection = Field(default_factory=TrainSection)
    evaluate: EvaluateSection = Field(default_factory=EvaluateSection)
    origin: Path | None = field(default=None, repr=False, compare=False)

    @property
    def stem(self) -> str:
        """The run's name unless it is given another one."""
        return self.origin.stem if self.origin else "run"

    @property
    def test_fold(self) -> tuple[int, int] | None:
        """Which fold of how many the run tests; None where it tests a share of the patients.

        With ``evaluate.folds`` the run is itself the first of them.
        """
        if self.sites.test_fold is not None:
            return self.sites.test_fold.fold, self.sites.test_fold.of
        return (0, self.evaluate.folds) if self.evaluate.folds > 1 else None

    @property
    def folder(self) -> Path:
        """What relative paths and cards beside the config refer to."""
        return self.origin.parent if self.origin else Path.cwd()
