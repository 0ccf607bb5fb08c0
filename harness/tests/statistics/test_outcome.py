"""What is made of the findings at the end of a session."""

from typing import Any

from harness.plugin.outcome import with_shared_charts
from harness.results.schema import Finding


def finding(name: str, chart: dict[str, Any] | None) -> Finding:
    return Finding("claim", name, name, "system", "it is so", "greater", 0.1, "unit", "supported", chart=chart)


def chart(title: str, **series: float) -> dict[str, Any]:
    drawn = [{"label": label, "density": [1.0], "values": [[value]]} for label, value in series.items()]
    return {"kind": "returns", "key": title, "title": title, "unit": "return", "references": {}, "series": drawn}


def labels(found: Finding) -> list[str]:
    assert found.chart is not None
    return [series["label"] for series in found.chart["series"]]


def test_charts_of_one_title_become_one_with_all_series() -> None:
    first, second = with_shared_charts([finding("a", chart("T", bc=1, ppo=2)), finding("b", chart("T", ppo=2, dqn=3))])
    assert first.chart == second.chart
    assert labels(first) == ["bc", "ppo", "dqn"]


def test_charts_of_other_titles_and_findings_without_one_stay_as_they_are() -> None:
    first, none, other = with_shared_charts(
        [finding("a", chart("T", bc=1)), finding("b", None), finding("c", chart("U", bc=1))]
    )
    assert (labels(first), none.chart, labels(other)) == (["bc"], None, ["bc"])


def test_a_label_with_other_numbers_is_another_chart() -> None:
    """Two systems drawn by condition have the same labels: neither may pass for the other."""
    first, second = with_shared_charts([finding("a", chart("T", ticket=1)), finding("b", chart("T", ticket=2))])
    assert first.chart is not None
    assert second.chart is not None
    assert first.chart["series"][0]["values"] == [[1]]
    assert second.chart["series"][0]["values"] == [[2]]
    assert first.chart["key"] != second.chart["key"]
