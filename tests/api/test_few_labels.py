"""The rule for few labels speaks where there are few, and of one method."""
from __future__ import annotations

from dataclasses import replace

from medtl.api.few_labels import few_label_advice
from medtl.config.sections import Config, PerClass, SitesSection, TaskSection, Total


def config(labels: object) -> Config:
    sites = SitesSection(source=("a",), target=("b",), target_labels=labels)  # type: ignore[arg-type]
    return replace(Config(), sites=sites, task=TaskSection(label="x"))


def test_the_rule_speaks_of_few_labels_only() -> None:
    for labels in (Total(total=8), PerClass(per_class=64)):
        advice = few_label_advice(config(labels))
        assert advice is not None
        assert advice.config.transfer.network == ({"method": "probe"},)
        assert advice.config.model.adaptation == 0
        assert advice.config.sites.target_labels == labels
    assert few_label_advice(config("none")) is None
    assert few_label_advice(config("all")) is None
    assert few_label_advice(config(Total(total=500))) is None
