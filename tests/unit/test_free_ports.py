import socket

import pytest

from faxplan.errors import SwitchUnavailable
from faxplan.free_ports import RtpPorts, free_sip_port


def test_ranges_that_are_reserved_do_not_overlap() -> None:
    reserved = [RtpPorts.reserve(600) for _ in range(8)]
    try:
        used = [port for ports in reserved for port in range(ports.first, ports.last + 1)]
        assert len(used) == len(set(used))
        assert all(ports.last - ports.first >= 600 for ports in reserved)
    finally:
        for ports in reserved:
            ports.release()


def test_too_many_are_refused_with_what_to_do() -> None:
    with pytest.raises(SwitchUnavailable, match="stop other"):
        RtpPorts.reserve(30000)


def test_a_sip_port_is_free_for_both_transports() -> None:
    port = free_sip_port()
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as bound:
            bound.bind(("127.0.0.1", port))
            assert bound.getsockname()[1] == port
