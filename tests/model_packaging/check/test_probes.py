import numpy as np

from lading.model_packaging.check.probes import Probe


def test_the_rows_of_a_probe_are_counted_along_the_first_axis_of_an_input_that_has_one() -> None:
    assert Probe("rows", {"scale": np.array(1.0), "x": np.zeros((3, 2))}).rows == 3
    assert Probe("one", {"scale": np.array(1.0)}).rows == 1
