"""HTML elements whose text can't become markup."""

from __future__ import annotations

from urllib.parse import urlsplit

from markupsafe import Markup

_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


def is_safe_address(url: str) -> bool:
    """Whether an address may become a link."""
    try:
        return urlsplit(url).scheme.lower() in _SAFE_SCHEMES
    except ValueError:
        return False


def tag(name: str, *children: str | Markup, **attributes: str | bool | None) -> Markup:
    """Build one element; ``class_`` and ``data_x`` mean ``class`` and ``data-x``; None omits one."""
    opening = Markup("<") + Markup(name)  # noqa: S704 - names are written in this module only
    for attribute, value in attributes.items():
        if value is None or value is False:
            continue
        key = Markup(attribute.rstrip("_").replace("_", "-"))  # noqa: S704 - as above
        opening += Markup(" ") + key + (Markup("") if value is True else Markup('="{}"').format(value))
    opening += Markup(">")
    if name == "hr":
        return opening
    return opening + Markup("").join(children) + Markup("</{}>").format(name)
