from lading.functions.traffic_hook.custom_resource import failure_of


def test_a_check_that_finds_nothing_has_no_failure() -> None:
    assert failure_of(lambda: None) is None


def test_an_error_in_a_check_is_its_failure() -> None:
    def check() -> str:
        raise KeyError("Version")

    assert failure_of(check) == "the check failed: KeyError('Version')"
