"""Virtualenvs that the tests make for programs which must not meet our own libraries."""

import hashlib
import pathlib
import shutil
import subprocess
import sys


def install(prefix: pathlib.Path, requirements: pathlib.Path) -> pathlib.Path:
    """Install ``requirements`` into ``prefix`` and return it

    What is there already with the same content is used again.
    """
    stamp = prefix / ".stamp"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return prefix
    shutil.rmtree(prefix, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    pip = [f"{prefix}/bin/python", "-m", "pip", "install", "-q",
           "--disable-pip-version-check"]  # fmt: skip
    source = ["-r", str(requirements)]
    # uv is several times as fast; without it pip does the same.
    fast = subprocess.run([*pip, "uv"], check=False).returncode == 0 and not (
        subprocess.run(
            [f"{prefix}/bin/uv", "pip", "install", "-q", "-p", f"{prefix}/bin/python",
             *source],
            check=False,
        ).returncode
    )  # fmt: skip
    if not fast:
        subprocess.run([*pip, *source], check=True)
    subprocess.run(
        [f"{prefix}/bin/python", "-m", "compileall", "-q", f"{prefix}/lib"],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    stamp.write_text(wanted)
    return prefix
