import sys

from lading.stacks.stages.target import LAMBDA_PYTHON, lambda_target, local_target


def test_the_local_target_is_this_interpreter() -> None:
    target = local_target()
    assert target.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert target.runs_here
    assert target.pip_options == ()


def test_the_lambda_target_takes_only_wheels_of_its_python() -> None:
    options = lambda_target().pip_options
    assert options[options.index("--python-version") + 1] == LAMBDA_PYTHON
    assert options[options.index("--abi") + 1] == f"cp{LAMBDA_PYTHON.replace('.', '')}"


def test_the_lambda_target_prefers_the_newest_manylinux() -> None:
    platforms = [option for option in lambda_target().pip_options if "platform=" in option]
    assert platforms[0] == "--platform=manylinux_2_28_x86_64"
    assert platforms[-1] == "--platform=manylinux2014_x86_64"


def test_arm64_is_another_machine() -> None:
    target = lambda_target("arm64")
    assert target.machine == target.markers["platform_machine"] == "aarch64"
    assert "manylinux_2_28_aarch64" in target.tag


def test_markers_say_nothing_of_this_machine() -> None:
    markers = lambda_target().markers
    assert markers.keys() == local_target().markers.keys()
    assert markers["platform_release"] == markers["platform_version"] == ""
