"""The bench as a switch under test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import BenchConfig, NumberingPlan, Switch

GATEWAY = """\
<include>
  <gateway name="{name}">
    <param name="proxy" value="127.0.0.1:5070"/>
    <param name="register" value="false"/>
  </gateway>
</include>
"""


class BenchUnderTest:
    """See SwitchUnderTest."""

    name = "bench"
    gateway = "carrier"
    down_gateway = "down"
    own_prefix = "15550"

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.script_dir = switch.config.script_dir

    def api(self, command: str) -> str:
        name, _, argument = command.partition(" ")
        return self.switch.api.execute(name, argument)


@contextmanager
def bench_under_test(folder: Path) -> Iterator[BenchUnderTest]:
    scripts, gateways = folder / "scripts", folder / "gateways"
    scripts.mkdir()
    gateways.mkdir()
    for name in ("carrier", "down"):
        (gateways / f"{name}.xml").write_text(GATEWAY.format(name=name), encoding="ascii")
    plan = NumberingPlan({"down_gateways": ["down"], "own": [{"prefix": "15550"}]})
    with Switch(BenchConfig(script_dir=scripts, plan=plan, gateway_dir=gateways)) as switch:
        yield BenchUnderTest(switch)
