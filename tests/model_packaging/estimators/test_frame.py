import numpy as np
import pytest

from lading.model_packaging.estimators.frame import TEXT, Block, Frame, matrix, rounded, select
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.notes import Origin

NUMBERS = Block("x", np.dtype(np.float32), (Origin("x", 0), Origin("x", 1)))
TEXTS = Block("city", TEXT, (Origin("city", 0),))


@pytest.mark.parametrize("toward", [-np.inf, np.inf])
def test_a_rounded_threshold_divides_float32_numbers_as_before(toward: float) -> None:
    thresholds = np.array([0.1, -0.1, 1 / 3, 1e-46, 2.0, np.inf])
    found = rounded(thresholds, np.dtype(np.float32), toward)
    for value in found[:-1]:
        near = np.nextafter(value, np.array([-np.inf, np.inf], np.float32))
        for number in (*near, value):
            sides = (number <= thresholds, number <= found)
            if toward > 0:
                sides = (number >= thresholds, number >= found)
            np.testing.assert_array_equal(*sides)


def test_texts_among_numbers_are_refused_by_the_name_of_their_column() -> None:
    frame = Frame((NUMBERS, TEXTS), ("width", "height", "city"))
    with pytest.raises(NoOnnxForm, match="needs numbers in column 'city', which holds texts"):
        matrix(GraphBuilder(), frame)


def test_selected_columns_keep_their_names_origins_and_sparseness() -> None:
    frame = Frame((NUMBERS, TEXTS), ("width", "height", "city"), sparse=True)
    found = select(GraphBuilder(), frame, [2, 1])
    assert found.names == ("city", "height")
    assert found.origins == (Origin("city", 0), Origin("x", 1))
    assert found.sparse
