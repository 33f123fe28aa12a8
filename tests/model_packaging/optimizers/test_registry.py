from lading.model_packaging.optimizers.registry import OPTIMIZERS
from lading.model_packaging.pipeline import STAGES


def test_the_order_of_the_optimizers_is_that_of_the_stages() -> None:
    names = [optimizer.stage for optimizer in OPTIMIZERS]
    assert names == ["upgrade", "simplify", "prune", "quantize"]
    start = STAGES.index("check") + 1
    assert [*STAGES[start : start + len(names)], "gate"] == [*names, STAGES[start + len(names)]]


def test_an_optimizer_that_may_lose_accuracy_says_so() -> None:
    assert {each.stage for each in OPTIMIZERS if not each.exact} == {"prune", "quantize"}
