import numpy as np

from lading.model_packaging.estimators.notes import Notes, Origin

SCALED = Origin("x", 2, scale=10.0, shift=1.0)


def test_values_are_noted_as_the_input_held_them_before_it_was_scaled() -> None:
    notes = Notes()
    notes.thresholds(SCALED, np.array([0.5, np.inf]))
    notes.typical([None, SCALED], np.array([[7.0, 2.0], [7.0, np.nan]]))
    note = notes.of("x", 2)
    assert (note.thresholds, note.typical) == ({6.0}, [21.0])


def test_a_column_that_is_computed_is_not_noted() -> None:
    notes = Notes()
    notes.thresholds(None, np.array([0.5]))
    notes.categories(None, ["a"])
    assert notes.of("x", 0) == Notes().of("x", 0)


def test_the_ways_from_an_input_to_trees_are_listed_once() -> None:
    notes = Notes()
    notes.forests += [((SCALED, None), [], np.float32), ((SCALED,), [], np.float32)]
    assert notes.origins_of("x", 2) == [SCALED]
    assert notes.origins_of("x", 1) == []
