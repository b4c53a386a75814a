"""What a call costs before its script begins: the scripts themselves, and the entry files that lead to a release.

    python benchmarks/script_entry.py [--calls 20000] [--runs 5]

Both as mod_python3 does it: import, reload, look the function up, call it. Interleaved, in processes of their own; the
script's own work is left out.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.releases import ROOT, of_checkout, prefix_with_scripts, put_in_force

MEASURED = """
import importlib, sys, time, types
switch = types.ModuleType("freeswitch")
switch.running = lambda: True
switch.consoleLog = lambda level, text: print(level, text, file=sys.stderr)
sys.modules["freeswitch"] = switch
args = sys.argv[2]
def call():
    module = importlib.reload(importlib.import_module("fax_out"))
    getattr(module, "handler")(None, args)
call()
found = [module for name, module in sys.modules.items() if name == "fax_out" or name.endswith(".fax_out")]
assert found
for module in found:
    if module.__name__ != "fax_out" or len(found) == 1:
        # What the call itself does is the same for both.
        module.handler = lambda session, args: None
calls = int(sys.argv[1])
call()
began = time.perf_counter()
for _ in range(calls):
    call()
print((time.perf_counter() - began) / calls * 1e6)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=20000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prefix, entries = prefix_with_scripts(Path(folder))
        put_in_force(of_checkout(prefix, "0.1.0"))
        settings = Path(folder, "faxplan.toml")
        settings.write_text(f'database_url = "postgresql:///none"\nstate_dir = "{folder}/state"\nsandbox = "limits"\n')
        took: dict[Path, list[float]] = {ROOT / "fs_scripts": [], entries: []}
        for _ in range(options.runs):
            for scripts, times in took.items():
                times.append(measured(scripts, settings, options.calls))
    direct, led = (statistics.median(times) for times in took.values())
    print(f"Microseconds from mod_python3's call to the script: {direct:.1f} for the scripts themselves, {led:.1f} by")
    print(f"the entry files ({led - direct:+.1f}, {led / direct:.2f} times), the medians of {options.runs} runs.")


def measured(scripts: Path, settings: Path, calls: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(calls), "no attempt" if scripts.name == "fs_scripts" else "17 0.1.0"],
        env={"PYTHONPATH": f"{scripts}:{ROOT}", "FAXPLAN_CONFIG": str(settings), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
