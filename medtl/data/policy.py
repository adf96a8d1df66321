"""How one site is split, as its card says it."""
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

PublishedSplit = Literal["train", "val", "test"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SplitPolicy:
    """The split of one site.

    Attributes:
        policy: ``auto`` takes a published split where the table has one, else patients, else blocks; ``patient``
            ignores a published split; ``blocks`` ignores patients too.
        published: what a published part serves as, such as ``{train: train, val: test}`` where the published
            validation part is the one that others report on; a part left out is not used.
        blocks: contiguous blocks in file order; at a source site one is test and one is val.
        guard: studies left out between blocks of different splits; by default 10, or a quarter of a block if less.
        within: ``class`` cuts the blocks within each class (files numbered per class), ``file`` in the file's order,
            ``auto`` within classes where the file is sorted by class. Target sites are always cut in the file's order.
    """

    policy: Literal["auto", "patient", "published", "blocks"] = "auto"
    published: dict[PublishedSplit, PublishedSplit] | None = None
    blocks: Annotated[int, Field(ge=3, le=100)] = 5
    guard: Annotated[int, Field(ge=0)] | None = None
    within: Literal["auto", "class", "file"] = "auto"


AUTO = SplitPolicy()
"""What a site without a card gets."""
