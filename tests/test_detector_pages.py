"""Each detector's page says what its adapter does: its flags, options and words, and examples that work."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from detection.providers.base import FROM_DOCUMENTATION, Provider
from detection.providers.http import HttpProvider
from newsroom import detecting
from newsroom.environment import Environment

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "detectors"
HEADINGS = ["Settings", "What is sent", "Its words and ours", "Weak spots", "What it takes"]
BY_ITSELF = "provenance"
"""The detector that stands in no DETECTION_PROVIDERS."""


def _module() -> Any:
    spec = importlib.util.spec_from_file_location("detector_flags", FOLDER / "flags.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


flags = _module()
ADAPTERS: dict[str, type[Provider]] = flags.adapters()
each = pytest.mark.parametrize("name", sorted(ADAPTERS))
configured = pytest.mark.parametrize("name", sorted(set(ADAPTERS) - {BY_ITSELF}))


def page(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of each line of its tables, without heads and rules."""
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    rules = {number for number, cells in enumerate(found) if set("".join(cells)) <= set("-| ")}
    return [cells for number, cells in enumerate(found) if number not in rules and number + 1 not in rules]


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def options_of(text: str) -> list[tuple[str, str]]:
    """The options of a table, each with its second cell."""
    return [(option, cells[1]) for cells in rows(text) for option in ticked(cells[0])]


def example(name: str, language: str) -> str:
    """The first block in that language of the page's settings."""
    found = re.search(rf"```{language}\n(.*?)```", section(page(name), "Settings"), re.DOTALL)
    assert found, f"{name}.md has no example in {language}"
    return found[1]


# The folder.


def test_every_adapter_has_its_page_and_every_page_its_adapter() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted([*ADAPTERS, "README"])


def test_the_index_and_the_guide_have_one_row_for_each() -> None:
    for path, link in ((FOLDER / "README.md", "{0}.md"), (FOLDER.parent / "howto" / "choose-a-detector.md", "{0}.md")):
        listed = re.findall(r"^\| \[(\w+)\]\(([^)]+)\) \|", path.read_text(encoding="utf-8"), re.MULTILINE)
        named = [name for name, _address in listed]
        assert all(address.endswith(link.format(name)) for name, address in listed)
        assert len(named) == len(set(named))
        assert set(ADAPTERS) - set(named) <= {"scripted"}, path.name
        assert set(named) <= set(ADAPTERS)


# Each page.


@each
def test_a_page_has_the_usual_headings_in_order(name: str) -> None:
    found = [heading for heading in re.findall(r"^## (.+)$", page(name), re.MULTILINE) if heading in HEADINGS]
    assert found == HEADINGS


@each
def test_the_table_is_that_of_the_flags(name: str) -> None:
    text = page(name)
    assert flags.renewed(text, flags.block(name, ADAPTERS[name])) == text, "run: python docs/detectors/flags.py"


@each
def test_weak_spots_and_where_it_is_known_from_are_the_adapters_own_sentences(name: str) -> None:
    said = " ".join(page(name).split())
    kind = ADAPTERS[name]
    assert kind.limits in said
    assert kind.evidence_note in said
    assert (FROM_DOCUMENTATION in said) is (kind.evidence_note == FROM_DOCUMENTATION)


@each
def test_each_option_is_known_and_none_that_is_its_own_is_left_out(name: str) -> None:
    kind = ADAPTERS[name]
    common = (HttpProvider if issubclass(kind, HttpProvider) else Provider).known_options()
    named = {option for option, _ in options_of(section(page(name), "Settings"))}
    assert named - kind.known_options() == set(), "no such option"
    assert kind.known_options() - common - named == set(), "left out"


def test_the_index_has_every_option_that_all_have() -> None:
    named = {option for option, _ in options_of((FOLDER / "README.md").read_text(encoding="utf-8"))}
    assert HttpProvider.known_options() <= named


@configured
def test_an_option_stands_beside_the_variable_that_sets_it(name: str) -> None:
    prefix = f"DETECTION_{name.upper()}"
    for option, cell in options_of(section(page(name), "Settings")):
        variables = ticked(cell)
        assert variables or cell == "in Django's setting alone", (option, cell)
        for variable in variables:
            assert option in read(name, {prefix + variable: f"{option}=value"}), variable


def read(name: str, given: dict[str, str]) -> str:
    """Which options the newsroom reads from these variables, or its refusal of a value, which names the variable."""
    try:
        return " ".join(detecting.detectors(Environment({"DETECTION_PROVIDERS": name, **given}))[name]["OPTIONS"])
    except ImproperlyConfigured as refused:
        said = str(refused)
        return "" if "nothing reads it" in said or "names no detector" in said else said.lower()


@each
def test_every_word_of_its_table_has_a_row_with_our_verdict(name: str) -> None:
    kind = ADAPTERS[name]
    table = dict(getattr(kind, "verdicts", {}))
    if name == BY_ITSELF:
        table = importlib.import_module(kind.__module__).VERDICTS
    listed = [
        (word, ticked(cells[1])[:1])
        for cells in rows(section(page(name), "Its words and ours"))
        if len(ticked(cells[0])) == 1
        for word in ticked(cells[0])
    ]
    for word, verdict in table.items():
        assert (str(word), [str(verdict)]) in listed, word


@each
def test_a_page_names_the_vendors_pages_that_its_adapter_names(name: str) -> None:
    """Neither goes stale alone."""
    source = importlib.import_module(ADAPTERS[name].__module__).__doc__ or ""
    for address in re.findall(r"https://[\w./-]+\w", source):
        if "…" not in address:
            assert address in page(name), address


# The examples.


@configured
def test_both_examples_work_and_say_the_same(name: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    lines = [line for line in example(name, "sh").splitlines() if line.strip()]
    given = dict(line.split("=", 1) for line in lines)
    by_variables = detecting.detectors(Environment(given))

    code = example(name, "python")
    for variable in re.findall(r'os\.environ\.get\("(\w+)", ""\)', code):
        monkeypatch.setenv(variable, given[f"DETECTION_{name.upper()}_API_KEY"])
    space: dict[str, Any] = {}
    exec(compile(code, f"{name}.md", "exec"), space)

    assert by_variables == space["DETECTION_PROVIDERS"]
    settings.DETECTION = {"ALLOW_LOOPBACK": False, **space.get("DETECTION", {})}
    assert detecting.settings(Environment(given)) == space.get("DETECTION", {})
    kind = ADAPTERS[name]
    made = kind(name, by_variables[name]["OPTIONS"])
    made.check_configuration()
    if isinstance(made, HttpProvider) and made.needs_key:
        assert made.credentials == made.key_parts, "the example's key is the names of its parts"
    dotted = by_variables[name]["BACKEND"].rpartition(".")
    assert getattr(importlib.import_module(dotted[0]), dotted[2]) is kind
    assert "os.environ[" not in code, "the web process has no key"
    assert os.environ.get("DETECTION_PROVIDERS") is None
