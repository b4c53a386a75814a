"""Faxplan's FreeSWITCH with a PBX on it: a profile and a context of the PBX's own, which hand faxes over."""

from pathlib import Path

from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import FreeSwitchFound
from faxplan.freeswitch_instance import Instance, InstanceOptions

FILES = Path(__file__).parent / "pbx"
_LAST_MODULE = '<load module="mod_python3"/>'
_VARIABLES = '<X-PRE-PROCESS cmd="include" data="vars.xml"/>'


class SharedPbx(Instance):
    """Listens for voice and fax on `pbx_port`, beside what every instance has."""

    def __init__(self, found: FreeSwitchFound, options: InstanceOptions) -> None:
        super().__init__(found, options)
        self.pbx_port = free_sip_port()

    def prepare(self) -> None:
        """As every instance, and the PBX's profile and context."""
        super().prepare()
        conf = self.base / "conf"
        (conf / "sip_profiles" / "pbx.xml").write_text((FILES / "profile.xml").read_text())
        (conf / "dialplan" / "pbx.xml").write_text((FILES / "dialplan.xml").read_text())
        # The PBX's own need: its reception stands behind a loopback channel.
        modules = conf / "autoload_configs" / "modules.conf.xml"
        assert modules.read_text().count(_LAST_MODULE) == 1
        modules.write_text(modules.read_text().replace(_LAST_MODULE, f'<load module="mod_loopback"/>{_LAST_MODULE}'))
        whole = (conf / "freeswitch.xml").read_text()
        assert whole.count(_VARIABLES) == 1
        port = f'<X-PRE-PROCESS cmd="set" data="pbx_port={self.pbx_port}"/>'
        (conf / "freeswitch.xml").write_text(whole.replace(_VARIABLES, f"{_VARIABLES}\n  {port}"))
