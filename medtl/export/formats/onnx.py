"""ONNX: the network as one file that runs without torch, on any number of studies at once."""
from __future__ import annotations

import copy
import logging
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from medtl.atomic import write_bytes
from medtl.models import bn
from medtl.models.model import Model

INPUT, OUTPUT = "image", "logits"
OPSET = 20


class Onnx:
    """Writes ``model.onnx``: input ``image`` float32 (batch, slices, channels, height, width), output ``logits``.

    The batch is free; slices, channels and size are those of the preprocessing. The branch of domain-specific BatchNorm
    that answers at inference is the one that is written. Equal networks give equal bytes, without source paths.
    """

    file = "model.onnx"

    def write(self, model: Model, shape: tuple[int, int, int, int], folder: Path) -> Path:
        """Exports a network.

        Args:
            model: left as it is.
            shape: (slices, channels, height, width) of one study.
            folder: where the file goes.

        Returns:
            The file.
        """
        network = copy.deepcopy(model).to("cpu").eval()
        bn.resolve(network)
        example = torch.zeros(2, *shape)  # two, since a batch of one would be taken for a constant
        graph = _traced(_Logits(network).eval(), example)
        path = folder / self.file
        write_bytes(path, _plain(graph).SerializeToString(deterministic=True))
        return path


class _Logits(nn.Module):
    """The network without the routing of domains, which is settled at export."""

    def __init__(self, network: Model) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network.finish(self.network.slice_features(image)).outputs


def _traced(module: nn.Module, example: Tensor) -> Any:
    loud = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loud]
    try:
        for logger in loud:
            logger.setLevel(logging.ERROR)  # the exporter reports its own optimisation passes as warnings
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module, (example,), input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET, dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch", min=1)},), external_data=False, verbose=False,
            )
    finally:
        for logger, level in zip(loud, levels, strict=True):
            logger.setLevel(level)
    assert program is not None
    return program.model_proto


def _plain(graph: Any) -> Any:
    """Without stack traces, which hold paths of this machine, and other traces of the tracing."""
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*graph.graph.input, *graph.graph.output, *graph.graph.value_info, *graph.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""
    del graph.graph.metadata_props[:]
    del graph.metadata_props[:]
    graph.graph.doc_string = graph.doc_string = ""
    graph.graph.name = "medtl"
    onnx.checker.check_model(graph)
    return graph
