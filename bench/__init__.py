"""The embedded switch: a `freeswitch` module over libspandsp, and the switch process around it. See docs/bench.md."""

from bench.calls import InboundCall
from bench.config import BenchConfig
from bench.far_end import Behaviour, FarFaxResult
from bench.numbering_plan import NumberingPlan
from bench.switch import Switch

__all__ = ["Behaviour", "BenchConfig", "FarFaxResult", "InboundCall", "NumberingPlan", "Switch"]
