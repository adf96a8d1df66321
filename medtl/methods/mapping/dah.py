"""Domain adaptive hashing: binary codes that are alike within a class, in every hospital."""
from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.data.batches import Pair
from medtl.functional.confusion import as_classes
from medtl.functional.discrepancy import mk_mmd2, mmd2
from medtl.functional.hashing import class_shares, likeness_loss, quantisation_loss
from medtl.methods.base import OPTIONS, Extract, Fit, Method, Setting, Stages, Turn
from medtl.methods.kinds import CLASSES, only_for
from medtl.models.behind import CodeHead, Hash
from medtl.models.extend import extend
from medtl.models.model import Model
from medtl.types import Table


@dataclass(frozen=True, config=OPTIONS)
class DAH(Method):
    """Learns a hash layer behind the features, and classifies by likeness to stored source codes: no softmax head.

    Source codes become alike within a class (hash loss) and near to signs; source and target codes get equal mean
    embeddings; each target code is driven to resemble the codes of one class (low entropy of its class shares). The
    shares are over `codes` source codes of every class: the batch's, filled up with those of earlier batches where it
    has too few. After the fit the codes nearest to each class's mean are stored in the network and give the logits, so
    the package holds codes of single source studies. Codes also find similar studies across hospitals. There is no
    task loss, so nothing scores the epochs and the last one is kept. Losses are means where the paper has sums.

    Args:
        bits: length of the code.
        codes: K, stored codes per class.
        quantisation: factor of the distance to signs.
        mmd: factor γ of the discrepancy of source and target codes.
        entropy: factor η of the entropy of target codes over the classes.
        kernel_weights: whether the discrepancy's kernels are weighed by DAN's program; else they count equally.
        epochs: of the fit; the run's if left out.

    Reference:
        Venkateswara et al. 2017, "Deep Hashing Network for Unsupervised Domain Adaptation".
    """

    bits: Annotated[int, Field(gt=0)] = 64
    codes: Annotated[int, Field(gt=0)] = 8
    quantisation: Annotated[float, Field(ge=0)] = 0.01
    mmd: Annotated[float, Field(ge=0)] = 1.0
    entropy: Annotated[float, Field(ge=0)] = 0.1
    kernel_weights: bool = False
    epochs: Annotated[int, Field(gt=0)] | None = None

    needs_target_images: ClassVar[bool] = True
    drops_penalties: ClassVar[bool] = True
    drops_because: ClassVar[str] = "has no task loss and classifies by stored codes"

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that must be trainable beneath: the hash layer is."""
        return ()

    def check(self, model: Model) -> tuple[str, ...]:
        """Codes are compared within classes."""
        return only_for("dah", CLASSES, model)

    def stages(self, setting: Setting) -> Stages:
        """Fit the hash layer and what moves beneath it, then store the codes that classify."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.rng("dah"))
            layer = Hash(setting.model.feature_width, self.bits)
        head = CodeHead(setting.task.outputs, self.codes, self.bits)
        model = extend(setting.model, layer, head=head)

        def loss(pair: Pair, progress: float) -> Tensor:
            assert pair.target is not None
            source, target = model.pair(pair.source.images, pair.target.images)
            assert target is not None
            rows, classes = as_classes(pair.source.labels, pair.source.known)
            return self.loss(head, source.features, target.features, rows, classes)

        yield Fit("hash", model, turns=(Turn("hash", (model,), loss),), target_labels=False, epochs=self.epochs)
        table = yield Extract("codes", model)
        assert table is not None
        head.codes.copy_(typical_codes(table, setting.task.outputs, self.codes).to(head.codes))
        return model

    def loss(self, head: CodeHead, source: Tensor, target: Tensor, rows: Tensor, classes: Tensor) -> Tensor:
        """The whole objective of a batch; the batch's codes go into the head.

        Args:
            head: holds the codes of earlier batches.
            source: codes of the source, (n, bits).
            target: codes of the target, (m, bits).
            rows: which source studies have a known label, (k,).
            classes: theirs, int64 (k,).
        """
        labelled = source[rows]
        total = likeness_loss(labelled, classes) + self.quantisation * quantisation_loss(labelled)
        distance = mk_mmd2 if self.kernel_weights else mmd2
        total = total + self.mmd * distance(source, target)
        stored = refreshed(head.codes, labelled, classes)
        shares = class_shares(target, stored)
        total = total - self.entropy * (shares.exp() * shares).sum() / len(target)
        with torch.no_grad():
            head.codes.copy_(stored)
        return total


def refreshed(stored: Tensor, codes: Tensor, classes: Tensor) -> Tensor:
    """Stored codes with those of a batch in front, the oldest dropped.

    Args:
        stored: (classes, k, bits).
        codes: of the batch, (n, bits); their gradient stays.
        classes: int64, (n,).
    """
    each = stored.shape[1]
    fresh = [torch.cat([codes[classes == c].to(stored), held])[:each] for c, held in enumerate(stored.clone())]
    return torch.stack(fresh)


def typical_codes(table: Table, classes: int, each: int) -> Tensor:
    """The codes of labelled source studies that are most like the mean of their class; begun again where too few.

    Args:
        table: codes as features.
        classes: number of classes; one without a study keeps zeros.
        each: codes per class.

    Returns:
        (classes, each, bits), float32.
    """
    codes = torch.from_numpy(table.features)
    labels = np.where(table.is_source, table.labels[:, 0], np.nan)
    chosen = torch.zeros(classes, each, codes.shape[1])
    for c in range(classes):
        of_class = codes[torch.from_numpy(labels == c)]
        if len(of_class):
            order = (of_class @ of_class.mean(dim=0)).argsort(descending=True, stable=True)
            chosen[c] = of_class[order[torch.arange(each) % len(order)]]
    return chosen
