import pytest

from lading.emulator.sagemaker.refusals import model_error, timed_out, too_large

LOG = "/aws/sagemaker/Endpoints/e"


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (499, "client"), (500, "server"),
                                              (0, "server")])  # fmt: skip
def test_an_error_of_a_container_says_on_which_side_it_was(status: int, side: str) -> None:
    error = model_error(status, "no", LOG)
    assert f"Received {side} error ({status})" in error.text
    assert error.fields["OriginalStatusCode"] == status
    assert LOG in str(error.fields["LogStreamArn"])


def test_a_long_message_is_cut() -> None:
    error = model_error(500, "x" * 5000, LOG)
    assert len(error.text) == len(str(error.fields["OriginalMessage"])) == 2048


def test_the_log_says_more_than_the_response() -> None:
    assert timed_out(LOG, 60).reason == "the container exceeded its time limit of 60 s"
    assert too_large(10).reason == "413: Request body exceeds the limit of 10 bytes"
