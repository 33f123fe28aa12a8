import logging
import warnings

import pytest

from lading.model_packaging.quiet import quiet


def test_warnings_and_log_lines_are_kept_back_only_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with quiet():
        warnings.warn("noise", stacklevel=1)
        logging.getLogger("noise").warning("noise")
        logging.getLogger("noise").error("trouble")
    logging.getLogger("noise").warning("after")
    assert [record.message for record in caplog.records] == ["trouble", "after"]
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)
