"""install/make_deb.py as a module: what lies in install/ are programs, of no package."""

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("make_deb", Path(__file__).parents[1] / "install" / "make_deb.py")
assert _SPEC is not None
assert _SPEC.loader is not None
make_deb = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make_deb)
