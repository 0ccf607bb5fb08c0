"""The calibration: its fast tests decide as the originals do, its samples hold what they say, and its table stands."""

import ast
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import harness.statistics as statistics
from harness.__main__ import main
from harness.judging import calibrated as basis
from harness.judging import sample_shapes as shapes
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.results import records
from harness.statistics import Censored, PerSeed
from harness.trust import calibration, fast_tests, kernels
from harness.trust.calibration_tables import record

COMMITTED = records.read("calibration", records.COMMITTED, records.COMMITTED)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def samples(n: int, replicates: int = 12, conditions: int = 2) -> list[np.ndarray]:
    """Of every shape, rounded too, so that values tie and sums cancel: float[conditions, replicates, n] each."""
    drawn = [
        shapes.sample(shape, calibration.WEIGHTS[conditions], effect, rng(), (replicates, n))
        for shape in shapes.SHAPES
        for effect in (0.0, 0.05)
    ]
    return [*drawn, *(np.round(values, 1) for values in drawn)]


def decisions(bounds: fast_tests.Bounds) -> list[tuple[bool, bool]]:
    return [(bool(low > 0), bool(high < 0)) for low, high in zip(*bounds, strict=True)]


def decided(outcome: statistics.Outcome) -> tuple[bool, bool]:
    return outcome.lower > 0, outcome.upper < 0


class TestFastTests:
    """Each gives the decisions, or the bounds, of the function that it stands for."""

    @pytest.mark.parametrize("n", [5, 6, 7, 10, 13])
    def test_sign_flip(self, n: int) -> None:
        for a, b in samples(n):
            expected = [decided(statistics.sign_flip(row)) for row in a - b]
            assert decisions(fast_tests.sign_flip(a - b, rng())) == expected

    def test_sign_flip_of_twenty_seeds_counts_all_subsets(self) -> None:
        for a, b in samples(20, replicates=1)[::7]:
            assert decisions(fast_tests.sign_flip(a - b, rng())) == [decided(statistics.sign_flip((a - b)[0]))]

    def test_sign_flip_of_forty_seeds_agrees_but_for_the_subsets_drawn(self) -> None:
        values = rng().normal(0.3, 1, (60, 40))
        originals = [statistics.sign_flip(row) for row in values]
        for (low, high), original in zip(decisions(fast_tests.sign_flip(values, rng())), originals, strict=True):
            if abs(original.p - 0.05) > 0.02:
                assert (low, high) == decided(original)

    @pytest.mark.parametrize("n", [5, 15])
    def test_t(self, n: int) -> None:
        for a, b in samples(n):
            same_bounds(fast_tests.t(a - b), [statistics.studentised_paired(row) for row in a - b])

    @pytest.mark.parametrize("n", [15, 20])
    @pytest.mark.parametrize("conditions", [1, 2, 3, 4])
    def test_guarded_t_with_the_judges_reach(self, n: int, conditions: int) -> None:
        weights = calibration.WEIGHTS[conditions]
        for values in samples(n, 3, conditions) if conditions > 1 else samples(n, 3)[:8]:
            parts = values[:conditions]
            contrast, reach = calibration._combine(
                values if conditions > 1 else np.stack([*parts, 0 * parts[0]]), weights
            )
            originals = [statistics.contrast_test(per_seed(parts[:, r], weights), "equivalent") for r in range(3)]
            same_bounds(fast_tests.guarded_t(contrast, reach), originals)

    @pytest.mark.parametrize("n", [5, 15])
    def test_welch(self, n: int) -> None:
        for a, b in samples(n):
            pairs = zip(a, b, strict=True)
            same_bounds(fast_tests.welch(a, b), [statistics.studentised_unpaired(*pair) for pair in pairs])

    def test_guarded_welch(self) -> None:
        for a, b in samples(15, 3):
            reach = calibration._reaches(np.stack([a, b]))
            groups = [(PerSeed.of("a", a[r], range(15)), PerSeed.of("b", b[r], range(15))) for r in range(3)]
            with np.errstate(invalid="ignore"):
                originals = [statistics.unpaired_contrast_test(*pair, "equivalent") for pair in groups]
            same_bounds(fast_tests.guarded_welch(a, b, *reach), originals)

    def test_relabelled_welch_is_the_permutation_distribution(self) -> None:
        a, b = rng().normal(0.5, 1, 6), rng().normal(0, 2, 6)
        null = kernels.relabelled_welch(np.concatenate([a, b])[None], 6, 200_000, 1)[0]
        t = stats.ttest_ind(a, b, equal_var=False).statistic
        p = 2 * min((null >= t - 1e-9).mean(), (null <= t + 1e-9).mean())
        theirs = stats.permutation_test(
            (a, b), lambda x, y, axis: stats.ttest_ind(x, y, equal_var=False, axis=axis).statistic, n_resamples=np.inf,
            vectorized=True,
        )  # fmt: skip
        assert p == pytest.approx(theirs.pvalue, abs=0.005)

    @pytest.mark.parametrize("n", [6, 12])
    def test_label_permutation(self, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fast_tests, "RELABELLINGS", 19_999)
        for a, b in samples(n, 1)[::5]:
            nearly_same(fast_tests.label_permutation(a, b, rng()), statistics.label_permutation(a[0], b[0]))

    @pytest.mark.parametrize("n", [6, 12])
    @pytest.mark.parametrize("shape", [s for s in shapes.SHAPES if s is not shapes.UNEQUAL[1]], ids=lambda s: s.name)
    def test_censored_ranks(self, n: int, shape: shapes.Shape, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fast_tests, "RELABELLINGS", 19_999)
        a, b = shapes.levels(shape, rng(), (1, n), later=1.0)
        nearly_same(fast_tests.censored_ranks(a, b, rng()), statistics.censored_ranks(broken(a[0]), broken(b[0])))

    def test_guarded_ranks(self) -> None:
        for shape in (*shapes.ALIKE, shapes.UNEQUAL[0], *shapes.ONE_FAILS):
            a, b = shapes.levels(shape, rng(), (3, 15))
            low, high = fast_tests.guarded_ranks(a, b)
            for r in range(3):
                guarded = statistics.censored_ranks(broken(a[r]), broken(b[r]), relabellings=9).guarded
                if guarded is not None:
                    assert (low[r], high[r]) == pytest.approx(guarded, abs=1e-9)

    @pytest.mark.parametrize("n", [6, 7, 12])
    def test_swapped_spreads(self, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fast_tests, "SWAPS", 19_999)
        for shape in (*shapes.ALIKE, shapes.UNEQUAL[1], *shapes.ONE_FAILS):
            a, b = shapes.spreading(shape, rng(), (1, n), wider=1.8)
            original = statistics.swapped_spreads(a[0], b[0])
            if not original.refused:
                nearly_same(fast_tests.swapped_spreads(a, b, rng()), original)

    def test_bca(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fast_tests, "RESAMPLES", 20_000)
        values = np.concatenate([rng().lognormal(0, 1, (3, 12)), [[0.0] * 11 + [1.0], [0.3] * 12]])
        low, high = fast_tests.bca(values, rng())
        their_low, their_high = statistics.bca(values, resamples=20_000)
        tolerance = 0.06 * values.std(axis=1)
        assert (np.abs(low - their_low) <= tolerance).all()
        assert (np.abs(high - their_high) <= tolerance + 0.06 * (their_high - their_low)).all()

    @pytest.mark.parametrize("n", [6, 10, 15, 20])
    def test_the_judges_choice_is_that_of_the_judge(self, n: int) -> None:
        """On every shape, with the committed table."""
        for values in samples(n, 3):
            contrast, reach = calibration._combine(values, (1, -1))
            flipped = fast_tests.sign_flip(contrast, rng())
            found = decisions(calibration._judge(values, contrast, flipped, fast_tests.guarded_t(contrast, reach)))
            for r in range(3):
                pair = per_seed(values[:, r], (1, -1))
                outcome = basis.checked(statistics.contrast_test(pair), pair, "greater", (0.0, 1.0))
                assert found[r] == ((False, False) if outcome.refused else decided(outcome))


def per_seed(parts: np.ndarray, weights: tuple[float, ...]) -> PerSeed:
    terms = [
        w * PerSeed.of(str(i), part, range(parts.shape[1]))
        for i, (part, w) in enumerate(zip(parts, weights, strict=True))
    ]
    return sum(terms[1:], terms[0])


def broken(at: np.ndarray) -> Censored:
    return Censored(at, at == 0, at == shapes.LAST_LEVEL)


def same_bounds(bounds: fast_tests.Bounds, originals: list[statistics.Outcome]) -> None:
    for low, high, original in zip(*bounds, originals, strict=True):
        assert (low, high) == pytest.approx((original.lower, original.upper), abs=1e-9)


def nearly_same(bounds: fast_tests.Bounds, original: statistics.Outcome) -> None:
    """Of the same distribution, drawn anew: decisions may part where p is nearly 0.05."""
    if original.refused:
        assert decisions(bounds) == [(False, False)]
    elif abs(original.p - 0.05) > 0.012:
        assert decisions(bounds) == [decided(original)]


class TestShapes:
    SIZE = (200, 2_000)

    @pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: shape.name)
    @pytest.mark.parametrize("conditions", [2, 3, 4])
    def test_contrasts_have_the_mean_they_say(self, shape: shapes.Shape, conditions: int) -> None:
        weights = calibration.WEIGHTS[conditions]
        for effect in (0.0, 0.3, -0.2):
            values = shapes.sample(shape, weights, effect, rng(), self.SIZE)
            assert np.einsum("c,crn->rn", weights, values).mean() == pytest.approx(effect, abs=0.005)
        values, margin = shapes.at_the_edge(shape, weights, 0.2, rng(), self.SIZE)
        assert np.einsum("c,crn->rn", weights, values).mean() == pytest.approx(-margin, abs=0.005)

    @pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: shape.name)
    def test_means_are_known(self, shape: shapes.Shape) -> None:
        assert shape.draw(rng(), 1, self.SIZE)[0].mean() == pytest.approx(shapes.mean(shape), abs=0.002)

    def test_half_of_the_seeds_lie_exactly_at_the_ceiling_and_the_stated_share_fails(self) -> None:
        for shape, rate in zip(shapes.ALIKE[2:], (0.0, *shapes.RATES), strict=True):
            values = shape.draw(rng(), 2, self.SIZE)
            assert values.max() == 1
            assert (values == 1).mean() == pytest.approx((1 - rate) / 2, abs=0.01)
            assert (values < 0.31).mean() == pytest.approx(rate, abs=0.005)

    @pytest.mark.parametrize("shape", [*shapes.ALIKE, shapes.UNEQUAL[0], *shapes.ONE_FAILS], ids=lambda s: s.name)
    def test_neither_group_holds_out_longer(self, shape: shapes.Shape) -> None:
        a, b = shapes.levels(shape, rng(), (1, 400_000))
        first, second = (np.bincount(group[0], minlength=12) / group.size for group in (a, b))
        assert first @ (np.cumsum(second) - second / 2) == pytest.approx(0.5, abs=0.003)

    @pytest.mark.parametrize("shape", [*shapes.ALIKE, shapes.UNEQUAL[1], *shapes.ONE_FAILS], ids=lambda s: s.name)
    def test_spreads_agree_where_they_say_so(self, shape: shapes.Shape) -> None:
        for values in shapes.spreading(shape, rng(), (1, 400_000)):
            distance = np.abs(values - np.median(values, axis=1, keepdims=True)).mean()
            assert distance == pytest.approx(shapes.distance(shape), rel=0.02)


class TestEntries:
    def test_bounds_are_clopper_and_pearsons_shared_among_all_entries(self) -> None:
        for count in (0, 3, 987, 1_000):
            low, high = basis.clopper_pearson([count], 1_000, 10)
            theirs = stats.binomtest(count, 1_000).proportion_ci(1 - 0.05 / 10)
            assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high))

    def test_a_part_comes_out_the_same_every_time_and_alone(self) -> None:
        parts = calibration.plan((6,), shapes.SHAPES[:2])
        alone = [calibration.simulate(part, 300) for part in parts]
        assert [calibration.simulate(part, 300) for part in reversed(parts)] == alone[::-1]

    def test_entries_survive_the_record(self) -> None:
        entries = calibration.calibrate(calibration.plan((6, 15), shapes.SHAPES[:3]), 200)
        assert sorted(basis.measured(calibration.to_data(entries, 200)), key=repr) == sorted(entries, key=repr)

    def test_a_test_that_is_wrong_too_often_is_told(self) -> None:
        wrong = basis.Measured("judge", "greater", 2, "normal", 20, "false alarms", 0.0, 1_000, 200, 0.15, 0.25, True)
        made = record([wrong], 1_000, 0.0)
        assert not made.ok
        assert "1 combinations that a verdict may rest on exceed 5%" in made.verdict


@pytest.fixture(scope="module")
def entries() -> list[basis.Measured]:
    assert COMMITTED is not None, "no table of the calibration is committed: run make calibrate"
    return basis.measured(COMMITTED["data"])


class TestCommittedTable:
    """What fixtures/trust/calibration.json says of the tests in use."""

    def test_it_is_of_the_statistics_as_they_are(self) -> None:
        assert COMMITTED is not None
        stale = COMMITTED["data"]["statistics"] != calibration.statistics_hash()
        assert not stale, "harness/statistics has changed since the tests were calibrated: run make calibrate"

    def test_nothing_a_verdict_may_rest_on_exceeds_alpha(self, entries: list[basis.Measured]) -> None:
        used = [m for m in entries if m.used and m.quantity == "false alarms"]
        assert len(used) > 300
        assert not [m for m in used if m.lower > 0.05]
        assert COMMITTED is not None
        assert COMMITTED["ok"]

    def test_every_entry_has_enough_replicates(self, entries: list[basis.Measured]) -> None:
        assert min(m.replicates for m in entries) >= 20_000

    def test_it_covers_what_the_judge_chooses_between(self, entries: list[basis.Measured]) -> None:
        asked = [
            *(("guarded t", kind, k) for kind in ("greater", "equivalent", "non-inferior") for k in (1, 2, 3, 4)),
            *((test, "greater", 2) for test in ("sign-flip", "judge", "censored ranks", "swapped spreads")),
            *((test, "equivalent", 2) for test in ("censored ranks", "swapped spreads")),
        ]
        held = {(m.test, m.kind, m.conditions, m.n) for m in entries if m.quantity == "false alarms"}
        assert {(*test, n) for test in asked for n in (5, 6, 8, 10, 15, 20, 40)} <= held

    def test_the_judge_holds_alpha_where_failures_hide_and_the_sign_flip_alone_does_not(
        self, entries: list[basis.Measured]
    ) -> None:
        for shape in shapes.ONE_FAILS:
            rates = {
                (m.test, m.n): m for m in entries
                if m.quantity == "false alarms" and m.kind == "greater" and m.conditions == 2 and m.shape == shape.name
            }  # fmt: skip
            assert all(rates["judge", n].lower <= 0.05 for n in calibration.SEEDS)
            assert rates["sign-flip", 8].lower > 0.1

    def test_what_is_not_used_is_measured_to_be_wrong(self, entries: list[basis.Measured]) -> None:
        """The reasons of DESIGN.md for using none of these."""

        def rate(test: str, kind: str, conditions: int, shape: str, n: int) -> float:
            found = [
                m for m in entries
                if (m.test, m.kind, m.conditions, m.shape, m.n) == (test, kind, conditions, shape, n)
                and m.quantity == "false alarms"
            ]  # fmt: skip
            assert not any(m.used for m in found)
            return found[0].rate

        assert rate("percentile bootstrap", "greater", 2, "normal", 5) > 0.13
        fails = shapes.ONE_FAILS[2].name
        assert rate("sign-flip on a contrast", "greater", 3, fails, 10) > 0.3
        assert rate("unguarded t", "equivalent", 2, fails, 10) > 0.3

    def test_coverage_of_what_charts_draw_is_told(self, entries: list[basis.Measured]) -> None:
        found = {(m.shape, m.n): m.rate for m in entries if m.test == "BCa" and m.quantity == "coverage"}
        assert found["normal", 40] > 0.92
        assert found["normal", 5] < 0.9  # as its caption says

    def test_a_part_simulated_anew_agrees_with_it(self, entries: list[basis.Measured]) -> None:
        """At a fast setting, on the first of the samples that the table was made of."""
        held = {(m.test, m.kind, m.conditions, m.shape, m.n, m.quantity, m.effect): m for m in entries}
        chosen = (shapes.ALIKE[0], shapes.ALIKE[5], shapes.UNEQUAL[0], shapes.ONE_FAILS[1])
        compared = 0
        for part in calibration.plan((6, 15), chosen):
            for key, count in calibration.simulate(part, 1_000).items():
                error = np.sqrt(max(held[key].rate * (1 - held[key].rate), 1e-4) / 1_000)
                assert abs(count / 1_000 - held[key].rate) <= 5 * error, key
                compared += 1
        assert compared > 300

    def test_it_is_small(self) -> None:
        assert (records.COMMITTED / "calibration.json").stat().st_size < 500_000


DECIDE = ("harness.judging.judge", "harness.judging.verdict", "harness.judging.calibrated")


def test_no_bootstrap_is_named_where_verdicts_are_made() -> None:
    """Neither in what decides, nor in the modules of the tests that it takes from harness.statistics."""
    taken = {name for module in DECIDE for name in _names(module) if hasattr(statistics, name)}
    homes = {str(getattr(getattr(statistics, name), "__module__", "")) for name in taken}
    tests = {home for home in homes if home.startswith("harness.statistics")}
    assert tests
    for module in {*DECIDE, *tests}:
        named = _names(module)
        assert not named & {"bootstrap", "bca", "harness.statistics.intervals"}, module


def test_no_bootstrap_runs_where_verdicts_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*_: object, **__: object) -> None:
        raise AssertionError("a verdict asked for a bootstrap")

    monkeypatch.setattr(stats, "bootstrap", drawn)
    with pytest.raises(AssertionError, match="bootstrap"):
        statistics.bca([0.0, 1.0, 3.0])
    for conditions in (2, 3, 4):
        contrast = per_seed(samples(16, 1, conditions)[0][:, 0], calibration.WEIGHTS[conditions])
        for kind in ("greater", "equivalent", "non-inferior"):
            found = judge()
            getattr(found, kind.replace("-", "_"))(contrast, **{"min_effect" if kind == "greater" else "margin": 0.1})
            assert found.finding is not None
    found = judge()
    found.holds_out_longer(broken(np.arange(8)), broken(np.arange(8) + 2), min_effect=0.1)
    found = judge()
    found.spreads_wider(rng().normal(0.5, 0.1, (8, 2)), rng().normal(0.5, 0.2, (8, 2)), min_effect=0.1, unit="u")
    assert found.finding is not None


def judge() -> Judge:
    return Judge(Claim("made", "0", "none", 1, "returns"), "it", "made::it", "It is so.", [], "pytest", True)


def _names(module: str) -> set[str]:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found


class TestCommand:
    @pytest.fixture
    def quick(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
        """The command on one number of seeds and three shapes, in this process."""
        whole, run = calibration.plan, calibration.calibrate
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(calibration, "plan", lambda: whole((15,), shapes.SHAPES[:3]))
        monkeypatch.setattr(calibration, "calibrate", lambda parts, replicates, processes: run(parts, replicates, 1))

        def call(*arguments: str) -> int:
            monkeypatch.setattr("sys.argv", ["harness", "calibrate", *arguments])
            return main()

        return call

    def test_it_writes_its_record_and_says_what_came_out(self, quick: Any, capsys: Any, tmp_path: Path) -> None:
        assert quick("--replicates", "200") == 0
        found = records.read("calibration", tmp_path / ".claims/trust", tmp_path)
        assert found is not None
        assert found["ok"]
        assert found["verdict"] in capsys.readouterr().out
        titles = [table["title"] for table in found["tables"]]
        assert "False alarms: guarded t, equivalent" in titles
        assert titles[-3:] == ["Power", "Coverage of displayed intervals", "Not used: false alarms"]

    @pytest.mark.parametrize("arguments", [("--replicates", "0"), ("--fixture", "--replicates", "19999")])
    def test_too_few_replicates_are_refused_in_one_line(
        self, quick: Any, capsys: Any, arguments: tuple[str, ...]
    ) -> None:
        assert quick(*arguments) == 4
        assert capsys.readouterr().out.count("\n") == 1
