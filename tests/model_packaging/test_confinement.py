"""A confined process cannot reach the network, nor change what it was not given."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.confinement import SIGNAL_ABI, landlock_version, unavailable

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable())

TRIES = """
import json, os, socket, subprocess, sys
from pathlib import Path
from lading.model_packaging.confinement import confine

own, other = map(Path, sys.argv[1:])
confine([own])
tries = {
    "internet": lambda: socket.socket(),
    "datagram": lambda: socket.socket(type=socket.SOCK_DGRAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "create": lambda: (other / "new").write_text("x"),
    "overwrite": lambda: (other / "old").write_text("x"),
    "truncate": lambda: os.truncate(other / "old", 0),
    "remove": lambda: (other / "old").unlink(),
    "rename": lambda: (other / "old").rename(own / "old"),
    "link": lambda: os.link(other / "old", own / "old"),
    "folder": lambda: (other / "folder").mkdir(),
    "signal": lambda: os.kill(os.getppid(), 0),
    "give away": lambda: os.chown(own, 1, 1),
    "root again": lambda: subprocess.run(["chown", "1", own], check=True, capture_output=True),
    "own file": lambda: (own / "new").write_text("x"),
    "own folder": lambda: (own / "folder").mkdir(),
    "read": lambda: (other / "old").read_text(),
    "nothing": lambda: Path(os.devnull).write_text("x"),
    "pair": lambda: socket.socketpair(),
}
allowed = []
for name, attempt in tries.items():
    try:
        attempt()
    except (OSError, subprocess.CalledProcessError):
        continue
    allowed.append(name)
print(json.dumps(allowed))
"""


def test_only_the_given_folder_may_change_and_no_socket_is_opened(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "old").write_text("content")
    command = [sys.executable, "-c", TRIES, str(own), str(other)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    allowed = json.loads(done.stdout)
    signals = [] if landlock_version() >= SIGNAL_ABI else ["signal"]
    assert allowed == [*signals, "own file", "own folder", "read", "nothing", "pair"]
    assert (other / "old").read_text() == "content"
