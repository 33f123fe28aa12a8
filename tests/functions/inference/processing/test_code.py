import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import SessionError, custom_attributes
from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.processing.step import Step

CODE = """
def preprocess(arrays):
    if arrays["x"].max() > 100:
        raise ValueError("x is over 100")
    return {"x": arrays["x"] / 10}

def postprocess(arrays):
    return {"best": arrays["scores"].argmax(axis=1)}
"""


def step(source: str = CODE) -> Step:
    return make_step({"step": "code", "file": "mine.py"}, {"mine.py": source.encode()})


def test_both_functions_see_arrays_by_name() -> None:
    assert step().before({"x": np.array([10.0])})["x"].tolist() == [1]
    assert step().after({"scores": np.array([[1, 3, 2]])})["best"].tolist() == [1]


def test_one_of_them_may_be_left_out() -> None:
    arrays = {"x": np.ones(1)}
    alone = step("def postprocess(arrays): return {}")
    assert alone.before(arrays) is arrays
    assert alone.after(arrays) == {}


def test_a_value_error_is_the_callers_and_any_other_the_models() -> None:
    with pytest.raises(InvalidInput, match="model accepts: x is over 100"):
        step().before({"x": np.array([101.0])})
    with pytest.raises(SessionError, match="scores"):
        step().after({"x": np.ones(1)})
    with pytest.raises(SessionError, match="returns a int, not a dict of arrays"):
        step("def preprocess(arrays): return 3").before({})


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("import sys; sys.exit('I am done')", "I am done"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise type('Own', (BaseException,), {})", "Own"),
    ],
    ids=["exit", "generator exit", "a kind of its own"],
)
def test_code_that_wants_to_end_the_process_is_an_error_of_the_model(
    statement: str, text: str
) -> None:
    for function in ("preprocess", "postprocess"):
        mine = step(f"def {function}(arrays): {statement}")
        with pytest.raises(SessionError, match=text):
            (mine.before if function == "preprocess" else mine.after)({"x": np.ones(1)})
    with pytest.raises(ValueError, match=r"cannot run its mine\.py: \w*\(.*\)"):
        step(statement)


def test_an_interrupt_is_not_an_error_of_the_model() -> None:
    with pytest.raises(KeyboardInterrupt):
        step("def preprocess(arrays): raise KeyboardInterrupt").before({})


TOLD = """
def preprocess(arrays, custom_attributes):
    return {"x": arrays["x"] * len(custom_attributes)}

def postprocess(arrays, *, custom_attributes=""):
    return {"said": [custom_attributes]}
"""


def test_what_asks_for_custom_attributes_gets_those_of_its_request() -> None:
    arrays = {"x": np.ones(1)}
    assert step(TOLD).before(arrays)["x"].tolist() == [0]
    known = custom_attributes.set("a=1")
    try:
        assert step(TOLD).before(arrays)["x"].tolist() == [3]
        assert step(TOLD).after(arrays) == {"said": ["a=1"]}
    finally:
        custom_attributes.reset(known)
    assert step(TOLD).after(arrays) == {"said": [""]}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1 / 0", r"cannot run its mine\.py: ZeroDivisionError"),
        ("def f(:", "cannot run its mine.py: SyntaxError"),
        ("x = 1", "must define preprocess or postprocess"),
    ],
)
def test_code_that_does_not_run_does_not_load(source: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        step(source)
