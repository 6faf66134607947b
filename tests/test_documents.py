"""The documents hold together: links lead somewhere, quotations stand in the code, the code names pages that exist."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
each_page = pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"^<!-- from (\S+) -->\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """Without blocks of code."""
    return _BLOCK.sub("", text)


@cache
def anchors(path: Path) -> frozenset[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def links(path: Path) -> list[str]:
    """What a page links to, and which pictures it shows."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(path.read_text(encoding="utf-8")))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@each_page
def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it(path: Path) -> None:
    for link in links(path):
        name, _, heading = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not heading or heading in anchors(target), link


def test_the_links_are_found() -> None:
    assert sum(len(links(path)) for path in PAGES) > 50


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            targets = [(path.parent / link.partition("#")[0]).resolve() for link in links(path)]
            todo += [target for target in targets if target.suffix == ".md" and target.is_file()]
    assert sorted(str(path.relative_to(ROOT)) for path in set(PAGES) - reached) == []


def test_the_pages_that_the_code_names_exist() -> None:
    sources = [path for package in ("detection", "newsroom", "tests") for path in (ROOT / package).rglob("*.py")]
    named = {
        found
        for path in [ROOT / "Makefile", *sources]
        for found in re.findall(r"\bdocs/[\w/.-]+\.(?:md|py)\b", path.read_text(encoding="utf-8"))
    }
    assert "docs/howto/detectors.md" in named
    assert sorted(page for page in named if not (ROOT / page).is_file()) == []


QUOTES = [
    pytest.param(source, code, id=f"{path.name}-{number}")
    for path in PAGES
    for number, (source, code) in enumerate(_QUOTED.findall(path.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize(("source", "code"), QUOTES)
def test_what_a_page_quotes_stands_in_the_code_line_by_line_and_in_this_order(source: str, code: str) -> None:
    """A quotation may leave lines out, and none may be another's."""
    rest = (ROOT / source).read_text(encoding="utf-8").splitlines()
    for line in filter(str.strip, code.splitlines()):
        assert line in rest, f"{source} has no such line here: {line}"
        rest = rest[rest.index(line) + 1 :]


def test_the_guide_quotes_real_code() -> None:
    guide = (ROOT / "docs" / "howto" / "add-a-provider.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n", guide, re.MULTILINE)
    assert len(_QUOTED.findall(guide)) == len(blocks) >= 5


def test_every_test_that_ci_names_is_there() -> None:
    """A file that is gone ends the whole selection with "no tests ran"."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    rows = re.search(r"^rows=\((.*?)\)", script, re.MULTILINE | re.DOTALL)
    assert rows is not None
    named = [f"tests/detection/{row}" for row in rows[1].split()]
    named += re.findall(r"tests/[\w/]+(?:\.py)?(?=[\s\"])", script)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_extra_that_is_named_is_declared() -> None:
    """pip only warns of one that it does not know, and installs the rest."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    files = [*PAGES, ROOT / "pyproject.toml", ROOT / "Makefile", *(ROOT / "docs" / "deploy").iterdir()]
    files += [*(ROOT / "newsroom").rglob("*.py"), *(ROOT / "detection").rglob("*.py")]
    named = {
        extra
        for path in files
        for names in re.findall(r"(?:newsroom-detection|'\.)\[([a-z0-9,]+)\]", path.read_text(encoding="utf-8"))
        for extra in names.split(",")
    }
    assert {"demo", "people"} <= named
    assert named <= set(declared)
