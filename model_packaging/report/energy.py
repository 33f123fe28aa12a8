"""The section about energy: a million predictions before and after optimizing."""

from collections.abc import Iterable, Sequence

from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.report.elements import table
from lading.model_packaging.report.figures import Stage


def energy(stages: Sequence[Stage], estimator: Estimator) -> Iterable[str]:
    """Yield the section; nothing if the times of the stages are lost.

    Args:
        stages: the stages of packaging, the first one before optimizing.
        estimator: figures of power, and the region of the electricity.
    """
    timed = [each for each in stages if each.p50_ms is not None]
    if not timed:
        return
    yield "<h2>Energy of a million predictions</h2>"
    grid = f"with the electricity of {estimator.region}" if estimator.region else "without a region"
    yield (
        f"<p>A rough estimate, {grid}: the time for one row, as the time of one busy processor. "
        "A range of a factor 2 says how far to trust it.</p>"
    )
    shown = timed if len(timed) == 1 else (timed[0], timed[-1])
    rows = [[each.name, str(estimator.of_answers(each.p50_ms or 0.0))] for each in shown]
    yield table(("after", "energy"), rows)
