"""Accessibility faults of a page, as axe-core finds them in the browser."""

from importlib.resources import files

from playwright.sync_api import Page

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def violations(page: Page, *rules: str) -> list[str]:
    """Return each violated rule of axe-core, or of ``rules``, with the elements that violate it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]
