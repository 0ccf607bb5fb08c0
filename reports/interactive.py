"""What a page needs so that its charts answer: Vega as one script, and the charts as data for templates/js/charts.js.

Vega runs under a policy that forbids eval: its expressions, all of them ours, are read by its interpreter (`ast`).
"""

import functools
from collections.abc import Mapping
from typing import Any

import vl_convert

from reports import charts, vega

# What BSD-3-Clause asks of whoever passes it on.
NOTICE = """/*! Vega, Vega-Lite and vega-embed, (c) University of Washington Interactive Data Lab, BSD-3-Clause:
https://github.com/vega/vega/blob/main/LICENSE */
"""


@functools.cache
def library() -> str:
    """Vega for browsers, 0.9 MB, which sets `vegaEmbed`; the same text each time. Takes a second or two."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vega.VEGA_LITE)
    return NOTICE + script


def data(drawings: Mapping[str, charts.Drawing]) -> dict[str, Any]:
    """The drawings as JSON, by the anchors of their figures; the words for their numbers are in the page's tables."""
    return {
        anchor: {
            "place": drawing.place,
            "kept": drawing.kept,
            "panels": [
                {
                    "name": f"{drawing.title}, {panel.heading}" if panel.heading else drawing.title,
                    "levels": panel.levels,
                    "spec": panel.spec,
                }
                for panel in drawing.panels
            ],
        }
        for anchor, drawing in drawings.items()
    }
