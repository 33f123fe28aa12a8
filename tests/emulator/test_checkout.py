import pytest

from lading.emulator.checkout import CODE, checkout_file
from lading.emulator.errors import CheckoutNeeded
from tests.support.interpreter import ROOT


def test_the_code_lies_in_the_checkout_that_the_tests_run_from() -> None:
    assert CODE == ROOT
    assert checkout_file("requirements/emulate.txt").is_file()


def test_a_file_that_only_a_checkout_has_is_refused_with_what_to_do() -> None:
    with pytest.raises(CheckoutNeeded, match=r"no-such-file.*clone Lading's repository"):
        checkout_file("no-such-file")
