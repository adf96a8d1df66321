"""What is listed is what can be loaded, each with a sentence, and listing reads sources without importing them."""
from __future__ import annotations

import pytest

from medtl import registry
from medtl.errors import ConfigError
from medtl.listing import KINDS, listing, method_page

FAMILIES = {"instances", "mapping", "network", "adversarial", "baseline"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_has_a_sentence(kind: str) -> None:
    for entry in listing(kind):
        assert entry.summary, entry.name
        assert "\n" not in entry.summary


def test_methods_carry_their_family_and_the_baseline_is_listed() -> None:
    methods = {entry.name: entry for entry in listing("methods")}
    assert {entry.family for entry in methods.values()} <= FAMILIES
    assert methods["source_only"].family == "baseline"
    assert methods["dann"].as_json()["family"] == "adversarial"
    assert "family" not in listing("metrics")[0].as_json()


def test_the_summary_is_the_docstring_of_what_is_loaded() -> None:
    for entry in listing("methods"):
        docstring = registry.load("methods", entry.name).__doc__
        assert " ".join(docstring.split("\n\n")[0].split()) == entry.summary


def test_configs_can_be_given_to_train_as_listed() -> None:
    assert {"chest_ct.yaml", "covid_ct.yaml"} <= {entry.name for entry in listing("configs")}


@pytest.mark.parametrize("name", registry.names("methods"))
def test_every_method_has_a_page_with_all_its_options(name: str) -> None:
    from medtl.config.expected import hints

    page = method_page(name)
    for option in hints(registry.load("methods", name)):
        assert f"  {option}: " in page


def test_unknown_kinds() -> None:
    with pytest.raises(ConfigError, match="did you mean backbones"):
        listing("backbone")


def test_a_pages_example_names_what_must_be_given() -> None:
    assert "network: [{method: freeze, until: …}]" in method_page("freeze")


def test_cards_are_listed_by_their_titles() -> None:
    summaries = {entry.name: entry.summary for entry in listing("cards")}
    assert summaries["covid_ct"] == "Chest CT slices of two hospitals' collections: COVID-19 or not"
