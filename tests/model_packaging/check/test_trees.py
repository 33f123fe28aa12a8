import numpy as np

from lading.model_packaging.check.trees import LEAF, TreeArrays


def test_splits_are_the_nodes_that_are_no_leaves() -> None:
    column = np.array([1, LEAF, 0, LEAF, LEAF])
    zeros = np.zeros(5)
    tree = TreeArrays(column, zeros, zeros, zeros, zeros.astype(bool), inclusive=True)
    assert tree.splits().tolist() == [0, 2]
