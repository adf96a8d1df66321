"""Where configs and data cards are looked for, in which order, and what is said when there is none."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.config.locate import available, find_card, find_config
from medtl.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, text: str = "task: {}\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_working_directory_comes_before_configs_and_those_shipped(here: Path) -> None:
    shipped = find_config("chest_ct.yaml")
    assert shipped.is_file()
    assert here not in shipped.resolve().parents
    in_configs = put(here / "configs" / "chest_ct.yaml")
    assert find_config("chest_ct.yaml").resolve() == in_configs
    beside = put(here / "chest_ct.yaml")
    assert find_config("chest_ct.yaml").resolve() == beside
    assert find_config("chest_ct").resolve() == beside
    assert find_config(here / "configs" / "chest_ct.yaml") == in_configs


def test_what_is_not_there_is_answered_with_the_nearest_and_all(here: Path) -> None:
    put(here / "configs" / "own.yaml")
    with pytest.raises(ConfigError, match=r"chest_tc\.yaml: no such config; did you mean chest_ct\?.*own"):
        find_config("chest_tc.yaml")


def test_a_card_beside_its_config_wins_and_a_config_is_never_its_own_card(here: Path) -> None:
    put(here / "project" / "covid.yaml")
    with pytest.raises(ConfigError, match="no such data card"):
        find_card("covid", beside=here / "project")
    inner = put(here / "project" / "data_cards" / "covid.yaml")
    assert find_card("covid", beside=here / "project") == inner
    named = put(here / "project" / "card.yaml")
    assert find_card("card.yaml", beside=here / "project") == named
    general = put(here / "data_cards" / "other.yaml")
    assert find_card("other", beside=here / "project").resolve() == general
    assert "other" in available("data_cards")
