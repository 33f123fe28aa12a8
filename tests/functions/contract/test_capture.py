"""The settings of a capture, as variables."""

import pytest

from lading.functions.contract.capture import CaptureSettings, read_capture
from lading.functions.contract.settings import ServingSettings

ALL = CaptureSettings(
    place="s3://captures/of/us",
    share=0.25,
    fields=("age", "x[3]"),
    key="arn:aws:kms:eu-west-1:000000000000:key/1",
    owner="000000000000",
    feedback=True,
    token="0123456789abcdef",  # noqa: S106 of a test
    waits=False,
)


@pytest.mark.parametrize("settings", [ALL, CaptureSettings("folder", waits=False)])
def test_the_settings_are_read_as_they_were_written(settings: CaptureSettings) -> None:
    assert read_capture(settings.to_environment()) == settings
    whole = ServingSettings(capture=settings)
    assert ServingSettings.from_environment(whole.to_environment()) == whole


def test_nothing_is_captured_unless_a_place_is_named() -> None:
    assert ServingSettings.from_environment({"LADING_CAPTURE_SHARE": "1"}).capture is None


@pytest.mark.parametrize(
    ("more", "waits"),
    [
        ({}, False),
        ({"AWS_LAMBDA_FUNCTION_NAME": "f"}, True),
        ({"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_MAX_CONCURRENCY": "10"}, False),
    ],
    ids=["container", "lambda", "managed"],
)
def test_an_answer_waits_only_where_the_process_may_be_frozen(
    more: dict[str, str], waits: bool
) -> None:
    assert read_capture({"LADING_CAPTURE": "folder", **more}).waits is waits


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LADING_CAPTURE", "s3://"),
        ("LADING_CAPTURE", "s3:/bucket"),
        ("LADING_CAPTURE_SHARE", "0"),
        ("LADING_CAPTURE_SHARE", "1.5"),
        ("LADING_CAPTURE_SHARE", "nan"),
        ("LADING_CAPTURE_SHARE", "some"),
        ("LADING_FEEDBACK_TOKEN", "short"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} must"):
        read_capture({"LADING_CAPTURE": "folder", name: value})
