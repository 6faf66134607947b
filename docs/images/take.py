"""Take the README's pictures from a running demo: `python docs/images/take.py http://127.0.0.1:8000`.

Best of a fresh one (`make demo FRESH=1`), whose alerts and history are short.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parent
WIDTH, HEIGHT = 1280, 900
LARGE = 250_000
"""Bytes."""


def be(page: Page, username: str) -> None:
    """Become one of the demo's people."""
    page.goto("/")
    page.locator("details.n-tour-fold").evaluate_all("all => all.forEach(one => one.open = true)")
    page.locator(f"form[action='/demo/be/{username}/'] button").last.click()
    page.wait_for_load_state()


def open_story(page: Page, headline: str) -> None:
    """Open a story at work, with its alerts read."""
    page.goto("/")
    page.get_by_role("link", name=headline, exact=True).and_(page.locator(".n-stories a")).click()
    page.wait_for_url("**/change/")
    seen = page.locator("form[action$='/move/seen/'] button")
    if seen.count():
        seen.click()
        page.goto(page.url)


def save(page: Page, name: str) -> None:
    """The upper part of the page; a large file in 256 mixed colours, which halve it."""
    page.wait_for_load_state("networkidle")
    taken = page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT})
    if len(taken) < LARGE:
        (FOLDER / name).write_bytes(taken)
        return
    with Image.open(io.BytesIO(taken)) as picture:
        whole = picture.convert("RGB")
    few = whole.quantize(palette=_palette(whole), dither=Image.Dither.FLOYDSTEINBERG)
    few.save(FOLDER / name, optimize=True)


def _palette(whole: Image.Image) -> Image.Image:
    """The page's own flat colours as they are, and some that lie far apart, so that a small bright place keeps its."""
    counted = sorted(whole.getcolors(WIDTH * HEIGHT) or [], reverse=True)
    flat = [band for _count, colour in counted[:64] for band in colour]
    far = whole.quantize(192, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((flat + far)[:768])
    return palette


def main(address: str) -> None:
    """Both pictures: a held story as its editor meets it, and the evidence as the chief does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        viewport = {"width": WIDTH, "height": HEIGHT}
        page = browser.new_context(base_url=address, viewport=viewport, color_scheme="light").new_page()
        be(page, "editor")
        open_story(page, "Night launch")
        save(page, "story.png")
        be(page, "chief")
        open_story(page, "Night launch")
        page.get_by_role("link", name="Look and decide").click()
        page.goto(page.url.partition("#")[0])
        save(page, "review.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
