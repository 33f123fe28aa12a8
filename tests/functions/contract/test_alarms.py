from lading.functions.contract.alarms import ALARMS, alarm_name


def test_an_alarm_is_named_after_the_function_that_it_watches() -> None:
    assert alarm_name("lading-dev-model-digits", ALARMS.canary_quiet) == (
        "lading-dev-model-digits-canary-quiet"
    )
