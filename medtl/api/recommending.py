"""``recommend``: candidates under a time budget, chosen on one part of the data and judged on another."""
from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medtl.api.candidates import Candidate, candidates_for
from medtl.api.choosing import Score, by_labels, without_labels
from medtl.api.comparing import compare
from medtl.api.few_labels import few_label_advice
from medtl.api.sweeps import RunResult, RunSpec, sweep
from medtl.api.sweeps.sweep import Engine
from medtl.api.variants import Variants
from medtl.atomic import write_json, write_text
from medtl.config.dump import dump_config
from medtl.config.sections import Config, Fold, PerClass, Total
from medtl.errors import ConfigError, DataError
from medtl.evaluation.compare_runs import ComparisonReport
from medtl.evaluation.verdicts import GAIN
from medtl.progress import QUIET, Progress
from medtl.run import new_run

CHOOSING = 0.6
"""Share of the time in which candidates are tried; the rest trains the winner and the plain model with more seeds."""
FOLDS = 4
UNSUPPORTED = "no adaptation is supported by the evidence here"


@dataclass(frozen=True)
class Recommendation:
    """What was tried, what won, and what the held-out part says of it.

    Attributes:
        tried: every candidate that was finished, the best first, with its score.
        untried: (candidate, why) of those that were not.
        rule: how the winner was chosen, in words.
        winner: its name.
        judged: winner minus the plain model on held-out test studies; None where the plain model won or nobody is
            labelled there.
        supported: whether every shared target site's verdict is a gain.
        config: the recommended config's file.
        folder: of the runs.
        said: what the candidates that judge the source themselves found of it, line by line.
        few_labels: the stated rule for few target labels and the file of its config; empty where it does not speak.
    """

    tried: tuple[tuple[str, Score], ...]
    untried: tuple[tuple[str, str], ...]
    rule: str
    winner: str
    judged: ComparisonReport | None
    supported: bool
    config: Path
    folder: Path
    said: tuple[str, ...] = ()
    few_labels: str = ""

    @property
    def answer(self) -> str:
        """The answer in one sentence."""
        if self.supported:
            return f"recommended: {self.winner}"
        return f"{UNSUPPORTED}; the plain model's config is written"

    def __rich__(self) -> Any:
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        from medtl.evaluation.comparison_table import render_comparison

        table = Table(title=f"{len(self.tried)} candidates tried, by {self.rule}", title_justify="left",
                      box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.add_column("candidate")
        table.add_column("score", justify="right")
        table.add_column("seconds", justify="right")
        for name, score in self.tried:
            table.add_row(name, score.shown, f"{score.seconds:.0f}")
        told: list[Any] = [table, *(Text(f"not tried: {name}: {why}") for name, why in self.untried)]
        told.append(Text(f"chosen: {self.winner}. A score that won among {len(self.tried)} looks better than it is; "
                         "what follows comes from held-out test studies, which chose nothing"))
        if self.judged is not None:
            told.append(render_comparison(self.judged))
        told += [Text(line) for line in (*self.said, self.few_labels) if line]
        return Group(*told, Text(self.answer), Text(f"config: {self.config}"))


def recommend(
    config: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    minutes: float,
    candidates: Sequence[str] = (),
    seeds: int = 3,
    jobs: int | None = None,
    engine: Engine = "local",
    threads: int = 1,
    name: str | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Recommendation:
    """Tries candidates, chooses one without the held-out test studies, and judges it on them against the plain model.

    With visible target labels, candidates are chosen by cross-validation on those labels alone; without, by the mean
    rank over label-free rules. The test part of the target takes part in neither. One split by patient serves all
    runs; the winner and the plain model are trained with further seeds for the judgement.

    Args:
        config: a file or shipped name, or a mapping of sections.
        overrides: ``key.path=value``.
        minutes: of the whole search, above 0; what is running when it ends is interrupted and can be gone on with.
        candidates: methods as ``matrix`` takes them; a stated list if there are none.
        seeds: that the winner is judged with.
        jobs: processes at once.
        engine: local processes or a Ray cluster.
        threads: of each run.
        name: of the folder; the config's stem and ``-recommend`` if None.
        out: the folder of runs.
        progress: where it reports to.

    Returns:
        The recommendation; ``recommended.yaml`` and ``recommend.json`` lie in the folder.

    Raises:
        ConfigError: mistakes in the config, no target, or a budget of no time.
        DataError: no candidate could be done in the time.
    """
    if not minutes > 0:
        raise ConfigError(f"--minutes {minutes:g}: expected a number above 0")
    if seeds < 1:
        raise ConfigError(f"--seeds {seeds}: expected at least 1")
    progress = progress or QUIET
    begun = time.time()
    variants = Variants.of(config, overrides)
    base = variants.base
    if not base.sites.target:
        raise ConfigError("sites.target: names no site, so there is nothing to adapt to")
    folder = new_run(base, name or f"{base.stem}-recommend", out).path
    tried = candidates_for(variants, candidates)
    progress.say(f"{len(tried)} candidates: {', '.join(one.name for one in tried)}")
    folds = _folds(base)
    specs = [spec for one in tried for spec in _choosing(one, base.train.seed, folds)]
    results = sweep(specs, folder, jobs, engine, threads=threads, progress=progress,
                    stop_at=begun + 60 * minutes * CHOOSING)
    done = {result.name: result for result in results}
    scores, untried = _scored(tried, done, base.train.seed, folds)
    if not scores:
        raise DataError(f"no candidate was finished in {minutes:g} minutes; the same command goes on:",
                        *(f"  {who}: {why}" for who, why in untried))
    rule, order = by_labels(scores) if folds else without_labels(scores)
    winner, plain = next(one for one in tried if one.name == order[0][0]), tried[0]
    judged = None
    if winner is not plain:
        judged = _judged(winner, plain, base.train.seed, seeds, folder, done, jobs, engine, threads, progress,
                         begun + 60 * minutes)
    supported = judged is not None and bool(judged.rows) and all(row.verdict.word == GAIN for row in judged.rows)
    chosen = winner if supported else plain
    file = folder / "recommended.yaml"
    # read again it is an ordinary run: its own baseline, its own split
    own = replace(chosen.config.train, baseline=True, precision=base.train.precision)
    written = replace(chosen.config, train=own, sites=base.sites, evaluate=base.evaluate)
    said = "Recommended" if supported else f"{UNSUPPORTED.capitalize()}; the plain model"
    write_text(file, f"# {said}: {chosen.name}\n{dump_config(written)}")
    answer = Recommendation(tuple(order), tuple(untried), rule, winner.name, judged, supported, file, folder,
                            _said([score for _, score in order]), _few_labels(base, folder))
    write_json(folder / "recommend.json", _as_json(answer, plain.name))
    return answer


def _folds(base: Config) -> int:
    """Folds of visible labels; 0 where there are none."""
    budget = base.sites.target_labels
    if budget == "none":
        return 0
    if isinstance(budget, PerClass):
        return min(FOLDS, budget.per_class)
    return min(FOLDS, budget.total // 2) if isinstance(budget, Total) else FOLDS


def _choosing(candidate: Candidate, seed: int, folds: int) -> list[RunSpec]:
    """The runs that a candidate is chosen by: itself, and one per fold of visible labels."""
    config = _seeded(candidate.config, seed)
    runs = [RunSpec(f"{candidate.word}.seed-{seed}", config)]
    for fold in range(folds if folds >= 2 else 0):
        sites = replace(config.sites, hidden_fold=Fold(fold, folds))
        runs.append(RunSpec(f"{candidate.word}.seed-{seed}.fold-{fold}", replace(config, sites=sites)))
    return runs


def _seeded(config: Config, seed: int) -> Config:
    return replace(config, train=replace(config.train, seed=seed, baseline=False))


def _scored(
    tried: Sequence[Candidate], done: Mapping[str, RunResult], seed: int, folds: int
) -> tuple[dict[str, Score], list[tuple[str, str]]]:
    scores: dict[str, Score] = {}
    untried = []
    for one in tried:
        results = [done[spec.name] for spec in _choosing(one, seed, folds)]
        unfinished = [result for result in results if result.status != "done"]
        if unfinished:
            untried.append((one.name, unfinished[0].reason))
        else:
            seconds = sum(result.seconds for result in results)
            scores[one.name] = Score(results[0].path, tuple(result.path for result in results[1:]), seconds)
    return scores, untried


def _judged(
    winner: Candidate, plain: Candidate, seed: int, seeds: int, folder: Path, done: Mapping[str, RunResult],
    jobs: int | None, engine: Engine, threads: int, progress: Progress, stop_at: float,
) -> ComparisonReport | None:
    """Winner minus plain on the held-out test part, over the seeds that both have."""
    wanted = [(one, seed + k) for k in range(seeds) for one in (winner, plain)]
    specs = [RunSpec(f"{one.word}.seed-{s}", _seeded(one.config, s)) for one, s in wanted]
    progress.say(f"judging {winner.name} against {plain.name} with {seeds} seeds")
    results = {result.name: result for result in sweep(
        specs, folder, jobs, engine, threads=threads, progress=progress, stop_at=stop_at)}
    pairs = [[results[f"{one.word}.seed-{seed + k}"] for one in (plain, winner)] for k in range(seeds)]
    both = [pair for pair in pairs if all(result.status == "done" for result in pair)]
    if not both:
        return None
    try:
        return compare([result.path for column in zip(*both, strict=True) for result in column],
                       against=both[0][0].path.name, out=folder).report
    except DataError as error:  # nobody is labelled at the target: nothing can be judged
        progress.say(f"not judged: {'; '.join(error.lines)}")
        return None


def _said(scores: Sequence[Score]) -> tuple[str, ...]:
    """What probes found: the source where it hurts or helps, and the config without it."""
    files = [file for score in scores for file in sorted((score.run / "stages").glob("*-probe/probe.json"))]
    return tuple(line for file in files for line in json.loads(file.read_text(encoding="utf-8")).get("said", ()))


def _few_labels(base: Config, folder: Path) -> str:
    """Writes what the stated rule for few target labels advises, whatever was tried."""
    advice = few_label_advice(base)
    if advice is None:
        return ""
    file = folder / "few_labels.yaml"
    write_text(file, f"# {advice.reason}\n{dump_config(advice.config)}")
    return f"the rule for few labels: probe ({advice.reason}); config: {file}"


def _as_json(answer: Recommendation, plain: str) -> dict[str, Any]:
    return {
        "format": 1, "answer": answer.answer, "supported": answer.supported, "winner": answer.winner, "plain": plain,
        "rule": answer.rule, "tried": len(answer.tried), "said": list(answer.said),
        "candidates": [{"name": name, **score.as_json()} for name, score in answer.tried],
        "untried": [{"name": name, "reason": why} for name, why in answer.untried],
        "judged": None if answer.judged is None else answer.judged.as_json(),
    }
