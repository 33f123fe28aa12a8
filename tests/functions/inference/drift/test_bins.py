import numpy as np

from lading.functions.inference.drift.bins import NumberBins, ValueBins


def test_numbers_fall_between_edges_which_belong_to_the_bin_above() -> None:
    bins = NumberBins([[0.0, 1.0, 2.0]])
    bins.count(np.array([[-1.0], [0.0], [0.5], [1.0], [1.9], [2.0], [9.0], [np.nan]]))
    assert bins.take() == [[1, 2, 2, 2, 1]]


def test_each_column_has_its_own_number_of_edges() -> None:
    bins = NumberBins([[0.0, 1.0], [5.0, 6.0, 7.0], []])
    bins.count(np.array([[0.5, 6.5, 3.0], [np.inf, -np.inf, np.nan]]))
    assert bins.take() == [[0, 1, 1, 0], [1, 0, 1, 0, 0], [1, 1]]


def test_numpys_own_search_agrees_on_many_numbers() -> None:
    generator = np.random.default_rng(3)
    numbers = generator.normal(size=(5000, 7))
    edges = [np.sort(generator.normal(size=9)).tolist() for _ in range(7)]
    bins = NumberBins(edges)
    bins.count(numbers[:2000])
    bins.count(numbers[2000:])
    wanted = [
        [*np.bincount(np.searchsorted(each, column, "right"), minlength=10).tolist(), 0]
        for each, column in zip(edges, numbers.T, strict=True)
    ]
    assert bins.take() == wanted


def test_the_largest_number_of_a_type_is_in_range_and_the_next_one_is_not() -> None:
    high = np.float32(0.1)
    above = np.nextafter(high, np.float32(1))
    bins = NumberBins([[0.0, float(above)]])
    bins.count(np.array([[high], [above]], np.float32))
    assert bins.take() == [[0, 1, 1, 0]]


def test_counts_start_again_when_they_are_taken() -> None:
    for bins in (NumberBins([[0.0, 1.0]]), ValueBins([0])):
        bins.count(np.array([[0.0]]))
        taken = bins.take()
        assert sum(taken[0]) == 1
        assert sum(bins.take()[0]) == 0
        assert sum(taken[0]) == 1


def test_rows_of_another_width_are_not_counted() -> None:
    bins = NumberBins([[0.0, 1.0]])
    bins.count(np.zeros((4, 2)))
    assert bins.take() == [[0, 0, 0, 0]]


def test_values_have_slots_and_others_share_one() -> None:
    numbers, texts = ValueBins([7, 3]), ValueBins(["ja", "nein"])
    numbers.count(np.array([7, 3, 3, 4], np.int64))
    array = np.array([b"nein", b"ja", b"", b"vielleicht", b"nein"], np.object_)
    texts.count(array)
    assert numbers.take() == [[1, 2, 1, 0]]
    assert texts.take() == [[1, 2, 1, 1]]
