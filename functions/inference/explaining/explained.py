"""A model that also explains its answers: one more output, with a JSON document for each row.

It is a predictor like any other, so that an explanation waits in the model's own lane, and every
dialect can ask for it. Of a row of numbers and texts, the document is

    {"method": "shapley_exact" or "shapley_permutation", "output", "target", "prediction",
     "base_value", "values": {input: nested lists in the shape of its row}, "standard_error": {...},
     "evaluations", "pairs", "seed"}

and `base_value` plus all values is `prediction`. Of an image or a text it is

    {"method": "occlusion", "output", "target", "prediction", "values": {input: [[...], ...] or
     [{"token", "start", "end", "value"}, ...]}, "heat_map": {"b64": a PNG file}, "evaluations"}

`target` is the place of the explained value in the row's output. `features` is added where the
manifest names groups of columns: {name: {"value", "standard_error"}}.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lading.functions.contract.errors import MalformedRequest, TooManyEvaluations
from lading.functions.inference.explaining import images, texts
from lading.functions.inference.explaining.columns import check_shapes, columns_of
from lading.functions.inference.explaining.evaluating import Evaluator
from lading.functions.inference.explaining.recorded import Recorded, rows_of
from lading.functions.inference.explaining.tables import least_cost, open_table
from lading.functions.inference.lanes.deadline import Deadline
from lading.functions.inference.models.predictor import (
    EXPLANATION,
    Batching,
    Predictor,
    latest_runs,
)
from lading.functions.inference.tensors import json_values
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.rows import count_rows

Explainer = Callable[[Mapping[str, Array]], dict[str, Any]]
"""From a row of each input, [1, ...], to its explanation."""


class Question(NamedTuple):
    """What a request wants explained.

    Args:
        deadline: when the explanation must be complete.
        target: the place of the value in the row's output; None is that of the highest.
        seed: of random orders.
        each: whether the model's budget is for each row, as in a job, and not for all of them.
    """

    deadline: Deadline
    target: int | None = None
    seed: int = 0
    each: bool = False


class ExplainedPredictor(Predictor):
    """A model, and why it answers as it does.

    Args:
        model: the model.
        recorded: what packaging recorded for its explanations.
        wanted: what the request wants.
    """

    def __init__(self, model: Predictor, recorded: Recorded, wanted: Question) -> None:
        self.metadata = model.metadata
        self._model, self._recorded, self._wanted = model, recorded, wanted

    @property
    def batching(self) -> Batching | None:
        """See `Predictor.batching`: the lane of the model stays as it is."""
        return self._model.batching

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`; the explanation is one more output, the last by default.

        Raises:
            TooManyEvaluations: the model's budget is too small for the request.
            TimedOut: there is not enough time for it.
            InvalidInput: its inputs have different numbers of rows.
        """
        names = outputs or (*self.metadata.output_names(), EXPLANATION)
        plain = [name for name in names if name != EXPLANATION]
        answers = self._model.predict(inputs, plain or [self._recorded.output])
        runs = latest_runs.get()
        documents = np.empty(count_rows(inputs), np.object_)
        documents[:] = [json_values.dumps(each) for each in self._explain(inputs)]
        latest_runs.set(runs)  # of a graph: those of the answer, not those of its explanation
        return {name: documents if name == EXPLANATION else answers[name] for name in names}

    def _explain(self, inputs: Mapping[str, Array]) -> list[dict[str, Any]]:
        recorded, rows = self._recorded, count_rows(inputs)
        if not rows:
            return []
        evaluator = Evaluator(self._model, recorded.output, self._wanted.deadline)
        each = self._explainer(inputs, evaluator)
        found = []
        for row in range(rows):
            before = evaluator.evaluations
            told = each(rows_of(inputs, np.array([row])))
            told = {"method": told.pop("method"), "output": recorded.output, **told}
            found.append({**told, "evaluations": evaluator.evaluations - before})
        return found

    def _explainer(self, inputs: Mapping[str, Array], evaluator: Evaluator) -> Explainer:
        """Return what explains a row, after the budget has been checked for all rows."""
        if self._recorded.method == "shapley":
            return self._of_columns(inputs, evaluator)
        ((name, array),) = inputs.items()
        if self._recorded.method == "text":
            counts = [texts.count_tokens(bytes(text)) + 1 for text in array.flat]
            self._check_budget(counts)
            return lambda x: self._of_text(x[name], name, evaluator)
        self._check_budget([self._recorded.grid**2 + 1] * len(array))
        return lambda x: self._of_image(x[name], name, evaluator)

    def _of_columns(self, inputs: Mapping[str, Array], evaluator: Evaluator) -> Explainer:
        background, rows = self._recorded.background, count_rows(inputs)
        check_shapes(inputs, background)
        columns = columns_of(self.metadata, self._recorded)
        share = self._share(rows, count_rows(background))
        costs = []
        for row in range(rows):
            evaluator.check_time()
            x = rows_of(inputs, np.array([row]))
            costs.append(least_cost(columns, x, background, share))
        self._check_budget(costs, count_rows(background))
        table = open_table(columns, background, evaluator)
        seed = self._wanted.seed
        return lambda x: self._with_groups(table.explain(x, self._target, share, seed))

    def _of_text(self, x: Array, name: str, evaluator: Evaluator) -> dict[str, Any]:
        found = texts.occlude(x, name, evaluator, self._target)
        return _occlusion(found.target, found.answer, name, found.tokens)

    def _of_image(self, x: Array, name: str, evaluator: Evaluator) -> dict[str, Any]:
        picture = images.open_picture(x)
        found = images.occlude(picture, name, self._recorded.grid, evaluator, self._target)
        drawn = b64encode(images.heat_map(picture, found.values)).decode()
        told = _occlusion(found.target, found.answer, name, found.values.tolist())
        return {**told, "heat_map": {"b64": drawn}}

    def _with_groups(self, told: dict[str, Any]) -> dict[str, Any]:
        """Add the values of the named features of the only input."""
        if not self._recorded.features:
            return told
        ((name, values),) = told["values"].items()
        errors = told["standard_error"][name]
        named = {
            feature: {"value": values[columns[0]], "standard_error": errors[columns[0]]}
            for feature, columns in self._recorded.features
        }
        return {**told, "features": named}

    def _target(self, answer: Array) -> int:
        wanted = self._wanted.target
        if wanted is None:
            return int(answer.argmax())
        if wanted >= len(answer):
            have = f"'{self._recorded.output}' has {len(answer)} values in a row"
            raise MalformedRequest(f"'target' of explanations is {wanted}, but {have}")
        return wanted

    def _share(self, rows: int, more: int = 0) -> int:
        """Return the evaluations of each row; `more` are those of all rows together."""
        return (self._recorded.budget - more) // (1 if self._wanted.each else rows)

    def _check_budget(self, costs: Sequence[int], more: int = 0) -> None:
        """Check the fewest evaluations that the rows need, and that all of them need together.

        Raises:
            TooManyEvaluations: they exceed the budget.
        """
        name, budget, job = self.metadata.name, self._recorded.budget, self._wanted.each
        needed = (max(costs) if job else sum(costs)) + more
        if needed > budget:
            raise TooManyEvaluations(name, len(costs), needed, budget, job=job)


def _occlusion(target: int, answer: float, name: str, values: Any) -> dict[str, Any]:
    return {"method": "occlusion", "target": target, "prediction": answer, "values": {name: values}}
