"""The API command `sofia`, as far as gateways go (mod_sofia.c)."""

from bench.gateways import Gateway, Gateways

_LINE = "=" * 97
_RELOADED = "Reload XML [Success]\n"


def sofia(gateways: Gateways, profile: str, argument: str) -> str:
    """`profile <p> rescan|killgw <g>|startgw <g>`, `status [gateway [<g>]]`, `xmlstatus gateway <g>`."""
    words = argument.split()
    if words[:1] == ["profile"] and len(words) >= 3:
        return _profile(gateways, profile, words[1], words[2], words[3:])
    if words[:2] == ["status", "gateway"] and len(words) == 3:
        return _gateway_status(gateways.find(words[2]), profile)
    if words[:2] == ["xmlstatus", "gateway"] and len(words) == 3:
        return _xml_gateway_status(gateways.find(words[2]), profile)
    if words[:1] == ["status"]:
        rows = "".join(f"{profile + '::' + gateway.name:>25}\t{_state(gateway)}\n" for gateway in gateways.all())
        return f"{_LINE}\n{rows}{_LINE}\n{len(gateways.all())} gateways\n"
    return "-USAGE: sofia profile <name> rescan|killgw <gateway>|startgw <gateway> | sofia status gateway <name>\n"


def _profile(gateways: Gateways, profile: str, name: str, command: str, rest: list[str]) -> str:
    if name != profile:
        return f"Invalid Profile [{name}]"
    if command == "rescan":
        gateways.rescan()
        return f"{_RELOADED}+OK scan complete\n"
    if command not in ("killgw", "startgw"):
        return f"-ERR Unknown command {command}!\n"
    if not rest:
        return "-ERR missing gw name\n"
    return _kill(gateways, rest[0]) if command == "killgw" else _start(gateways, profile, rest[0])


def _kill(gateways: Gateways, name: str) -> str:
    if name == "_all_":
        gateways.kill_all()
        return "+OK every gateway marked for deletion.\n"
    return "+OK gateway marked for deletion.\n" if gateways.kill(name) else "-ERR no such gateway.\n"


def _start(gateways: Gateways, profile: str, name: str) -> str:
    if gateways.start(name):
        return f"{_RELOADED}+OK start gateway {name} complete\n"
    return f"{_RELOADED}-ERR cannot add gateway {name} for profile {profile}\n"


def _state(gateway: Gateway) -> str:
    registers = gateway.parameters.get("register", "false") != "false"
    if registers:
        return "REGED" if gateway.up else "FAIL_WAIT"
    return "NOREG" if gateway.up else "DOWN"


def _xml_gateway_status(gateway: Gateway | None, profile: str) -> str:
    if gateway is None:
        return "Invalid Gateway!\n"
    status = "UP" if gateway.up else "DOWN"
    values = {"name": gateway.name, "profile": profile, "state": _state(gateway), "status": status}
    lines = "".join(f"    <{name}>{value}</{name}>\n" for name, value in values.items())
    return f'<?xml version="1.0" encoding="ISO-8859-1"?>\n  <gateway>\n{lines}  </gateway>\n'


def _gateway_status(gateway: Gateway | None, profile: str) -> str:
    if gateway is None:
        return "Invalid Gateway!\n"
    values = {
        "Name    ": gateway.name,
        "Profile ": profile,
        "Realm   ": gateway.parameters.get("realm", ""),
        "Username": gateway.parameters.get("username", ""),
        "Password": "yes" if gateway.parameters.get("password") else "no",
        "Proxy   ": gateway.parameters.get("proxy", ""),
        "State   ": _state(gateway),
        "Status  ": "UP" if gateway.up else "DOWN",
        "CallsOUT": str(gateway.calls_out),
        "FailedCallsOUT": str(gateway.failed_calls_out),
    }
    return f"{_LINE}\n" + "".join(f"{name}\t{value}\n" for name, value in values.items()) + f"{_LINE}\n"
