"""The page about policy files says what the code does."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import msgspec
import pytest

from dispatch import config
from dispatch.config import Policy, parse_policy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policy-files.md").read_text()
SECTIONS = {
    "enough": config.Enough,
    "replacement": config.Replacement,
    "roles": config.Roles,
    "lease": config.Lease,
    "night": config.Night,
    "aed": config.Aed,
    "ambulance": config.Ambulance,
    "people": config.People,
    "benefit": config.Benefit,
    "drones": config.Drones,
}


def test_the_example_on_the_page_is_a_policy() -> None:
    example = PAGE.partition("```toml\n")[2].partition("```")[0]
    policy = parse_policy(example.encode(), name="page", file="docs/policy-files.md")
    assert [wave.ask for wave in policy.waves] == [3, 4]


def test_every_key_of_a_policy_file_is_on_the_page() -> None:
    for field in msgspec.structs.fields(Policy):
        if field.name not in {"name", "policy_id"}:
            assert re.search(rf"`?\[?{field.name}\b", PAGE), field.name


@pytest.mark.parametrize("section", list(SECTIONS))
def test_every_key_of_a_section_is_on_the_page_with_its_default(section: str) -> None:
    assert f"[{section}]" in PAGE
    for field in msgspec.structs.fields(SECTIONS[section]):
        assert f"`{field.name}`" in PAGE, field.name
        default = field.default
        if section in {"enough", "replacement", "benefit"} or isinstance(default, StrEnum | tuple):
            continue
        number = f"{str(default).lower() if isinstance(default, bool) else f'{default:g}'}"
        if field.name == "aed_share":
            number = "2/3"
        assert re.search(rf"`{field.name}` \({re.escape(number)}", PAGE), (field.name, number)
