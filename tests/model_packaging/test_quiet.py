import logging
import warnings

import pytest

from lading.model_packaging.quiet import quiet, waiting_quietly


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


def test_threads_of_openmp_sleep_unless_the_user_has_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert waiting_quietly()["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.setenv("OTHER", "kept")
    assert waiting_quietly()["OMP_WAIT_POLICY"] == "ACTIVE"
    assert waiting_quietly()["OTHER"] == "kept"
