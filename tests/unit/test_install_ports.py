"""Which ports of a running FreeSWITCH are another profile's."""

from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import install_ports, install_switch
from faxplan.install_switch import SwitchHere
from faxplan.install_tree import Tree
from tests.switch_trees import fusionpbx

STATUS = """                     Name\t   Type\t                                      Data\tState
=================================================================================================
                 external\tprofile\t              sip:mod_sofia@192.0.2.1:5080\tRUNNING (0)
                 external\tprofile\t              sip:mod_sofia@192.0.2.1:5092\tRUNNING (0) (TLS)
external::0056bf00-a4f1-4096-8d28-8e94d686d882\tgateway\t             sip:FreeSWITCH@192.0.2.1:5090\tNOREG
                  faxplan\tprofile\t                    sip:fax@192.0.2.1:5094\tRUNNING (0)
=================================================================================================
2 profiles 0 aliases
"""
"""As FreeSWITCH 1.10 and 1.11 write it (mod_sofia.c, cmd_status), here with a gateway of FusionPBX's to Faxplan."""


class Asked:
    """An event socket that knows the status."""

    def __enter__(self) -> "Asked":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def api(self, command: str) -> str:
        return {"sofia status": STATUS}[command]


def test_a_gateways_peer_may_have_the_port_that_faxes_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(fusionpbx(tmp_path).root)
    switch = replace(install_switch.find(tree), variables={"conf_dir": "/etc/freeswitch"})
    monkeypatch.setattr(SwitchHere, "connect", lambda _: Asked())
    assert install_ports.of_profiles(tree, switch) == {5060, 5080, 5092}
    assert install_ports.free_pair(tree, switch) == (5090, 5091)
