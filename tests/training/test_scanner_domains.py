"""Scanners as domains: K-way discriminators and pairwise discrepancies, on several layers, in real runs."""
from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_cohort import PLANS, QUICK, cohort, loader, setting, small_model, weights

from medtl import registry
from medtl.data.loaders import PairLoader
from medtl.methods.base import Method
from medtl.training.engine import run_plan
from medtl.types import Cohort

TRAIN = replace(QUICK, epochs=1, batch_size=16, selection="last")
ENTRIES = [entry for entry in registry.entries("methods") if entry.family in ("mapping", "adversarial")]
MAKES = ("maker x, sharp kernel", "maker y, 3 T")


def scanners() -> Cohort:
    """Three hospitals with two scanners each; a device's name holds maker, model, kernel or field strength."""
    of = cohort(per_site=32)
    items = tuple(replace(item, scanner=MAKES[k // 2 % 2]) for k, item in enumerate(of.catalogue.items))
    return replace(of, catalogue=replace(of.catalogue, items=items))


def trained(folder: Path, method: Method, domains: str = "scanner") -> tuple[PairLoader, dict[str, torch.Tensor]]:
    of = scanners()
    data = PairLoader(loader(of).prepared, of, batch_size=TRAIN.batch_size, seed=TRAIN.seed, domains=domains)  # type: ignore[arg-type]
    folder.mkdir(exist_ok=True)
    start = setting(small_model(), data, TRAIN)
    model = run_plan([method], start, data, TRAIN, folder / "stages", folder / "log.jsonl")
    return data, weights(model)


def chosen(name: str) -> dict[str, Any]:
    """The options of the toy plan, with every scanner a domain and two layers, where the method knows of them."""
    options = dict(next(given for steps in PLANS.values() for method, given in steps if method == name))
    known = {field.name for field in fields(registry.load("methods", name))}
    options |= {"tells": "domain"} if "tells" in known else {}
    options |= {"domains": "pairwise"} if "domains" in known else {}
    return options | ({"layers": ["blocks.1", "features"]} if "layers" in known else {})


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_method_runs_over_scanners(entry: registry.Entry, tmp_path: Path) -> None:
    method = registry.load("methods", entry.name)(**chosen(entry.name))
    data, after = trained(tmp_path, method)
    assert len(data.domains) == 6
    assert all(torch.isfinite(tensor.float()).all() for tensor in after.values())
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert line["diagnostics"].keys() >= ({"features.norm_source"} if "task" in line["losses"] else set())
    if "tells" in {field.name for field in fields(method)}:
        own = {key: value for key, value in line["diagnostics"].items() if key.startswith(f"{entry.name}.")}
        each = [f"{entry.name}.{layer}" for layer in method.layers] if entry.name == "luo_transfer" else [entry.name]
        for told in each:
            assert own[f"{told}.chance"] == pytest.approx(1 / 6)
            assert {f"{told}.accuracy.{name}" for name in data.domains} <= own.keys()
        assert all(0.0 <= value <= 1.0 for value in own.values())


@pytest.mark.parametrize("name", ["dan", "dann"])
def test_a_scanner_within_a_site_is_a_domain_of_its_own(name: str, tmp_path: Path) -> None:
    method = registry.load("methods", name)(**chosen(name))
    by_scanner, by_site = trained(tmp_path / "scanner", method), trained(tmp_path / "site", method, "site")
    assert len(by_site[0].domains) == 3
    assert any(not torch.equal(by_scanner[1][key], by_site[1][key]) for key in by_site[1])
