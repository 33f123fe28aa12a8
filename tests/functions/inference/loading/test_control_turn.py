"""One model is loaded at a time, and one that never ends loading holds up nobody for ever."""

import pytest

from lading.functions.contract.errors import ControlBusy
from lading.functions.inference.loading.control_turn import ControlTurn


def test_who_comes_meanwhile_is_refused_with_what_is_under_way() -> None:
    turn = ControlTurn()
    with (
        turn.taken("loading", "m"),
        pytest.raises(ControlBusy, match=r"loading model 'm' for 0 s.*retry in 1 s"),
        turn.taken("unloading", "n"),
    ):
        raise AssertionError("both have the turn")
    with turn.taken("unloading", "n"):
        """The first has ended."""


def test_a_turn_that_takes_too_long_passes_to_the_next_and_changes_nothing() -> None:
    turn = ControlTurn(longest_s=-1)
    with turn.taken("loading", "m") as slow:
        with turn.taken("loading", "n") as next_, turn.kept(next_):
            """The next may serve its model."""
        with pytest.raises(ControlBusy), turn.kept(slow):
            raise AssertionError("the model of a lost turn is served")
