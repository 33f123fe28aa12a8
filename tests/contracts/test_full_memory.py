"""Memory that does not suffice for a request: it fails alone, in the form of its dialect."""

import sys
from pathlib import Path

import pytest

from lading.functions.contract.settings import ServingSettings
from tests.support.interpreter import run_clean
from tests.support.worlds import settings_for, times

LIMITED = """
import json, resource, sys
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.loading.catalog import load_catalog
from tests.support.driver import ask

app = create_app(load_catalog(ServingSettings.from_environment()), longest_body=1 << 28)
short, rows = b"[[1.5]]", b"[[1.5]" + b",[1.5]" * 1_000_000 + b"]"
asked = (("/m/predict", "inputs"), ("/v1/models/m:predict", "instances"))

def send(path, key, value):
    answer = ask(app, f"POST {path}", b'{"%s": %s}' % (key.encode(), value))
    print(json.dumps({"status": answer.status, "keys": sorted(json.loads(answer.body))}))

send(*asked[0], short)
with open("/proc/self/status") as file:
    (taken,) = (int(line.split()[1]) << 10 for line in file if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (taken + (8 << 20),) * 2)
for each in asked:
    send(*each, rows)
    send(*each, short)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not limit memory so")
def test_a_request_for_which_memory_does_not_suffice_fails_alone(tmp_path: Path) -> None:
    settings: ServingSettings = settings_for(tmp_path, {"m": {1: times(2)}})
    _, plain, after_plain, google, after_google = run_clean(LIMITED, settings.to_environment())
    assert (plain, google) == ({"status": 500, "keys": ["error"]},) * 2
    assert (after_plain["status"], after_google["status"]) == (200, 200)
