"""The documentation's pages: their links lead somewhere, and what repeats the code equals it."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = runpy.run_path(str(ROOT / "docs" / "_pages.py"))
PAGES: list[Path] = DOCS["pages"]()


@pytest.mark.parametrize("page", PAGES, ids=DOCS["name_of"])
def test_every_link_inside_of_the_repository_leads_to_a_file_and_a_heading(page: Path) -> None:
    """A relative link names a file or a folder that exists, and its anchor a heading of that page."""
    broken = []
    for target in DOCS["links"](page):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        is_ours = file.is_relative_to(ROOT) and file.exists()
        if not is_ours or (anchor and (file.suffix != ".md" or anchor not in DOCS["anchors"](file))):
            broken.append(target)
    assert not broken


def test_every_page_of_the_documentation_is_reached_from_its_entry_page() -> None:
    """Whoever begins at the README and follows links finds each page under `docs/`."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in DOCS["links"](page):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.is_dir():
                file = file / "README.md"
            if "://" not in target and file.suffix == ".md" and file.exists():
                waiting.append(file)
    docs = {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert not docs - reached


def test_what_is_generated_equals_the_code() -> None:
    """`python docs/generate.py` would change nothing: help texts, settings, hooks, plugins and included files."""
    script = ROOT / "docs" / "generate.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run `python docs/generate.py`: {done.stdout}{done.stderr} would change"
