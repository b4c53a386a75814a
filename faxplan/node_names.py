"""A node's name that two machines have: one of them alone has a runtime; what the other receives nobody delivers."""

from faxplan import nodes
from faxplan.db import Database
from faxplan.errors import DatabaseUnavailable
from faxplan.switch import Switch


def tell_superseded(switch: Switch, db: Database, node: str) -> None:
    """Logs who serves this node instead of a runtime that ends: one of this FreeSWITCH, or another machine's."""
    try:
        with db.across_tenants() as tx:
            serves = nodes.serving(tx, node)
    except DatabaseUnavailable:
        serves = None
    if serves is None or serves == switch.uuid():
        switch.log("notice", "another runtime serves this node; this one ends")
        return
    switch.log(
        "crit",
        f"another runtime serves this node, of another FreeSWITCH (core {serves}). If this one was not just killed "
        f"and started, two machines are called {node}: nothing is dialled here, and what is received here is not "
        "delivered. Give this one a name of its own (setting node), and start its FreeSWITCH again",
    )
