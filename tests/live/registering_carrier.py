"""A carrier with one customer, who registers: SIP registrar, digest authentication, and calls to the Contact."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import FreeSwitchFound, find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from tests.live.conftest import NOT_INSTALLED

FILES = Path(__file__).parent / "registrar"
ACCOUNT, DOMAIN = "49301234", "carrier.example"
_VARIABLES = '<X-PRE-PROCESS cmd="include" data="vars.xml"/>'
_DIRECTORY = '<section name="directory" description="Nobody registers here">'


class RegisteringCarrier(Instance):
    """Listens for its customer on `registrar_port` (profile `registrar`), beside what every instance has."""

    def __init__(self, found: FreeSwitchFound, base: Path, password: str) -> None:
        options = InstanceOptions(
            base=base,
            script_dir=Path(__file__).parent / "scripts",
            python=Path(sys.executable),
            name="registrar",
            startup_scripts=(),
            max_sessions=50,
            dialplan=FILES / "dialplan.xml",
        )
        super().__init__(found, options)
        self.registrar_port = free_sip_port()
        self._account_password = password

    def prepare(self) -> None:
        """As every instance, and the registrar's profile and customer."""
        super().prepare()
        conf = self.base / "conf"
        (conf / "sip_profiles" / "registrar.xml").write_text((FILES / "profile.xml").read_text())
        whole = (conf / "freeswitch.xml").read_text()
        assert whole.count(_VARIABLES) == whole.count(_DIRECTORY) == 1
        port = f'<X-PRE-PROCESS cmd="set" data="registrar_port={self.registrar_port}"/>'
        included = '<X-PRE-PROCESS cmd="include" data="customers.xml"/>'
        whole = whole.replace(_VARIABLES, f"{_VARIABLES}\n  {port}")
        (conf / "freeswitch.xml").write_text(whole.replace(_DIRECTORY, f"{_DIRECTORY}\n    {included}"))
        self._write_customer()

    def change_password(self, password: str) -> None:
        """What the customer has to know from now on. Registrations stay."""
        self._account_password = password
        self._write_customer()
        self.api("reloadxml")

    def contact(self) -> str | None:
        """The Contact that the customer has registered, with what FreeSWITCH notes beside it; None: none."""
        told = self.api(f"sofia_contact registrar/{ACCOUNT}@{DOMAIN}")
        return None if told.startswith("error/") else told

    def call(self, request_uri: str, to: str) -> str:
        """Calls `request_uri` (without sip:) with the number `to` in To: +OK if it is answered, or -ERR and a cause."""
        variables = f"sip_invite_to_uri=<sip:{to}@{DOMAIN}>,origination_caller_id_number=+493099001"
        return self.api(f"originate {{{variables}}}sofia/registrar/{request_uri} &hangup")

    def _write_customer(self) -> None:
        password = quoteattr(self._account_password, {"$": "&#36;"})
        lines = [
            "<include>",
            f'  <domain name="{DOMAIN}">',
            f'    <user id="{ACCOUNT}"><params><param name="password" value={password}/></params></user>',
            "  </domain>",
            "</include>",
            "",
        ]
        file = self.base / "conf" / "customers.xml"
        part = file.with_suffix(".part")
        part.write_text("\n".join(lines))
        part.replace(file)


@contextmanager
def registering(base: Path, password: str) -> Iterator[RegisteringCarrier]:
    """One that runs; where FreeSWITCH is missing the test is skipped."""
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    carrier = RegisteringCarrier(found, base, password)
    try:
        carrier.start()
        yield carrier
    finally:
        carrier.stop()
