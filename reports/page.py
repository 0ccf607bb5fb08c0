"""HTML pages that need nothing but themselves: templates, and the hashes of styles and scripts for a strict policy."""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from pydantic_core import to_json

from reports import findings_table, marks, numbers, strips
from reports.palette import dark_css

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, scripts: Sequence[str] = (), **given: Any) -> str:
    """Fill in a template. scripts: texts of ours."""
    style = (TEMPLATES / "report.css").read_text("utf-8")
    style += f"\n@media screen and (prefers-color-scheme: dark) {{\n{dark_css()}\n}}\n"  # paper is white
    return (
        _environment()
        .get_template(template)
        .render(
            css=Markup(style),  # ours, no text of a run
            style_hash=_hash(style),
            scripts=[Markup(script) for script in scripts],
            script_hashes=[_hash(script) for script in scripts],
            width=strips.WIDTH,
            height=strips.HEIGHT,
            **given,
        )
    )


def script() -> str:
    """Join templates/js into one strict script, in the order of the files' names; each has a scope of its own."""
    files = sorted((TEMPLATES / "js").glob("*.js"))
    return '"use strict";\n' + "".join(f"{{\n{file.read_text('utf-8')}}}\n" for file in files)


def as_json(value: Any) -> Markup:
    """Write JSON for a script element, with `<`, `>` and `&` escaped: no text of a finding can close the element.

    A number that is not finite becomes null, since browsers read no JSON that holds one.
    """
    text = to_json(value, inf_nan_mode="null").decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


class Anchors:
    """Gives out ids of elements, each of them once a page."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, text: str) -> str:
        """Make an id of a text, with a number where it is taken."""
        slug = re.sub(r"[^\w-]+", "-", text).strip("-")
        anchor = next(
            a for a in (slug, *(f"{slug}-{n}" for n in range(2, len(self._taken) + 3))) if a not in self._taken
        )
        self._taken.add(anchor)
        return anchor


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    names = ("effect", "interval", "plain", "probability", "minutes", "sizes", "ranges", "moment", "day")
    environment.filters |= {name: getattr(numbers, name) for name in names}
    words = {"verdict": marks.VERDICTS, "conclusion": marks.CONCLUSIONS, "standing": marks.STANDINGS}
    environment.filters |= {name: partial(marks.mark, known=known) for name, known in words.items()}
    environment.filters |= {"conclusions": partial(marks.tally, known=marks.CONCLUSIONS)}
    environment.filters |= {"strip_on": strips.strip, "dots_on": strips.dots, "axis": strips.axis}
    environment.filters |= {name: getattr(findings_table, name) for name in ("parameters", "drift_numbers", "decide")}
    environment.filters["breakable"] = lambda text: Markup("=<wbr>").join(text.split("="))  # it heads a narrow column
    environment.globals |= {"tones": {tone: marks.mark(tone, marks.TONES) for tone in marks.TONES}}
    return environment


def _hash(text: str) -> str:
    """As a content-security policy names an inline style or script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
