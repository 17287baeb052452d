"""How is HTML written so that no text of a model ever becomes markup?

Every text is escaped unless it is `Markup`, and only the functions of this module make
Markup. What a browser would obey instead of show is taken out first (`terminal.clean`).
"""

import html
import json
import re
from collections.abc import Iterable
from typing import Any, Union

from minir1.screen.terminal import clean

Child = Union[str, None, "Iterable[Child]"]

_VOID = {"br", "col", "input", "meta"}  # elements that have no end tag
_HAN = re.compile(
    "[\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff]+(?: [\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff]+)*"
)


class Markup(str):
    """A text that is HTML already."""


def tag(name: str, *children: Child, **attributes: object) -> Markup:
    """Write an element; children that are no Markup are escaped.

    `class_` is the attribute class, `aria_label` is aria-label; None and False leave an
    attribute out, True writes it without a value.
    """
    opening = f"<{name}{''.join(_attribute(k, v) for k, v in attributes.items())}>"
    if name in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Put children one after another: lists are opened, None is left out."""
    return Markup("".join(map(_written, children)))


def _written(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    return html.escape(clean(child)) if isinstance(child, str) else join(child)


def _attribute(name: str, value: object) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(clean(value))}"'


def section(name: str, heading: str, lead: Child, *children: Child) -> Markup:
    """Write a section of the page: its heading, what it is about, and its matter."""
    return tag(
        "section",
        tag("h2", heading, id=f"{name}-title"),
        tag("p", lead, class_="lead") if lead else None,
        children,
        id=name,
        aria_labelledby=f"{name}-title",
    )


def spoken(text: str) -> Markup:
    """Escape a text, its Chinese words marked as such for fonts and for who reads aloud."""
    parts, last = [], 0
    text = clean(text)
    for found in _HAN.finditer(text):
        parts += [text[last : found.start()], tag("span", found[0], lang="zh")]
        last = found.end()
    return join([*parts, text[last:]])


def script_json(value: Any) -> str:
    """Write JSON that can stand in a <script> element: no <, > or &, nothing but ASCII.

    Raises: ValueError for NaN or infinity.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
