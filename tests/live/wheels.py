"""Wheels of the checkout, as `make dist` makes them, under any version."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.unit.test_packaging import PROJECT, checkout


def wheel(version: str, source: Path) -> Path:
    """source: an empty folder, into which the checkout is copied."""
    for name in checkout():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, source / name)
    told = source / "faxplan" / "__init__.py"
    told.write_text(re.sub(r'__version__ = "[^"]+"', f'__version__ = "{version}"', told.read_text()))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(source / "dist"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return source / "dist" / f"faxplan-{version}-py3-none-any.whl"
