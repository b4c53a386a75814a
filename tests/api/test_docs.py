"""docs/api.md says what is so: its commands and its program are run as they stand there, its tables are the code's."""

import importlib
import pkgutil
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.test import Client

import faxplan
import portal
from faxplan import brand_provisioning, reader_keys
from faxplan.api_keys import Scope
from faxplan.config import to_toml
from faxplan.enrolment import Secret
from faxplan.errors import FaxplanError
from portal.api import catalogue, openapi, problems
from portal.api.operations import OPERATIONS
from portal.app import Portal
from portal.pages.api import slug
from tests.api.conftest import a_program
from tests.documented import claimed
from tests.portal.conftest import DOMAIN, HERE
from tests.retained import count, received
from tests.world import PHRASE, World

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs" / "api.md").read_text(encoding="utf-8")
THERE = ("http://harrow-pike.localhost:8080", "edmund@harrow-pike.example", "+19785550126", ".venv/bin/faxplan")
"""What is of `make run` in the commands: here it is of the test."""


@pytest.fixture
def base(world: World) -> Iterator[str]:
    """Where a portal answers for acme, over HTTP."""
    portal = Portal(world.portal, world.store, "localhost", admin=world.admin, settings=world.settings)
    server = make_server("127.0.0.1", 0, portal, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://acme.localhost:{server.port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def blocks(kind: str) -> list[str]:
    return claimed(__file__, "docs/api.md", kind)


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_fax_is_sent_by_the_commands(world: World, base: str, tmp_path: Path) -> None:
    settings = tmp_path / "faxplan.toml"
    settings.write_text(
        to_toml({name: getattr(world.settings, name) for name in ("database_url", "state_dir", "sandbox")})
    )
    commands = blocks("sh")
    whole = "".join(commands)
    assert whole.count("curl ") == 4
    here = (base, world.acme.user.email, "+493023125009", str(Path(sys.executable).with_name("faxplan")))
    for before, after in zip(THERE, here, strict=True):
        assert before in whole
        whole = whole.replace(before, after)
    # The second time as well: it is one fax.
    told = run(["bash", "-euc", f"{whole}\n{commands[2]}".replace(THERE[2], here[2])], tmp_path,
               FAXPLAN_CONFIG=str(settings))  # fmt: skip
    assert '"email":"user@acme.example"' in told
    assert told.count('{"batch":1,"faxes":[{"id":1,"to":"+493023125009","pages":null}]}') == 2
    assert '{"batch":2,"faxes":[{"id":2,' in told
    assert count(world, "faxes") == 2


def test_the_program_opens_a_fax_that_came_in(world: World, base: str, tmp_path: Path) -> None:
    number = received(world, world.acme, "one")
    reader = reader_keys.make(world.portal, world.acme.user, Secret(PHRASE), "archive", [world.acme.user.email])
    program = a_program(world, Portal(world.portal, world.store, DOMAIN, settings=world.settings), world.acme,
                        [Scope.FAXES_READ])  # fmt: skip
    (text,) = blocks("python")
    # Unlike curl, Python asks the DNS for names below localhost: as a proxy the portal is found.
    (tmp_path / "save.py").write_text(text)
    run(
        [sys.executable, "save.py", str(number), "fax.tiff"], tmp_path,
        PYTHONPATH=str(PROJECT / "docs/sealed-files"), FAX=f"{base}/api/v1", FAX_KEY=program.secret, FAX_READER=reader,
        http_proxy=base.replace("acme.localhost", "127.0.0.1"),
    )  # fmt: skip
    assert (tmp_path / "fax.tiff").read_bytes()[:4] in (b"II*\0", b"MM\0*")
    # What it was given is no secret: the reader's key alone opens it.
    assert reader not in program.get("/reader-keys").text
    # And of another organisation nothing is given.
    other = a_program(world, Portal(world.portal, world.store, DOMAIN, settings=world.settings), world.borea)
    assert other.get("/reader-keys").get_json() == {"reader_keys": []}


def test_its_tables_are_the_codes(world: World) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9]+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert rows == [(each.error_id, str(each.status), each.words) for each in catalogue.ERRORS]
    assert len(catalogue.BY_ID) == len(catalogue.ERRORS)
    assert set(re.findall(r"`([a-z]+(?:[:-][a-z]+)*)`", TEXT.partition("| Scope |")[2].partition("\n\n")[0])) == {
        *Scope
    }


ELSEWHERE = re.compile(
    # Modules of which nothing is done for a program: its errors are none of the API's.
    r"faxplan\.(cli|mail|audit_|signed_notes|checkpoint|enrolment|login|passkeys?|webauthn|second_factor|passphrases|"
    r"single_sign_on|identity_providers|recovery_key|invitations|forwarding|letting_in|proofs|tries|home|run|postgres|"
    r"migration|install|uninstaller|upgrade|release|backup|restoring|database_restore|import_|machine_turn|"
    r"switch_answers|node_provisioning|shipped|doctor|guard|files|purge|pending|spool|saving|adoption|brands|retention|sending_hours|"
    r"destinations|failure_changes|cdr|call_result|dial_string|sip_options|trunk_tests|fax_tiff|tiff_directory|lookups|"
    r"page_images|locked_pdf|fax_attachment|processes|smtp_answers|caller_ids|holds\.NothingToHold|staging|vault\.Other|own_api_keys)"
    r"|portal\.(app|pages|submitted)"
)
NEVER = {
    # By who opens documents, makes keys or settings, or at a shell.
    "already-taken", "filled-too-long", "invalid-api-key", "invalid-do-not-fax-list", "invalid-entry", "invalid-list",
    "invalid-setting", "invalid-template", "key-elsewhere", "key-gone", "locked", "nothing-meant",
    "readers-gone", "seal-broken", "switch-unavailable",
}  # fmt: skip


def test_every_error_that_a_program_can_meet_is_in_the_catalogue() -> None:
    """Whoever makes an error class enters it into the catalogue, or says here that no program meets it."""
    for package in (faxplan, portal):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found: list[type[FaxplanError]] = []
    kinds = [FaxplanError]
    while kinds:
        kinds += (these := kinds.pop().__subclasses__())
        found += these
    ours = [each for each in found if each.__module__.startswith(("faxplan.", "portal."))]
    met = {each.error_id for each in ours if not ELSEWHERE.match(f"{each.__module__}.{each.__name__}")}
    assert met - NEVER - catalogue.BY_ID.keys() == set()
    # Of none that there is no more, nor of what is not so any more.
    assert catalogue.BY_ID.keys() - {each.error_id for each in ours} == {"internal", "no-such-method"}
    assert NEVER & catalogue.BY_ID.keys() == set()
    for each in ours:
        known = catalogue.BY_ID.get(each.error_id)
        if known is not None and not issubclass(each, problems.InvalidRequest):
            assert problems.status_of(each.__new__(each)) == known.status, each


def test_a_page_shows_all_of_it_in_the_organisations_brand(world: World) -> None:
    brand_provisioning.change(world.admin, "x", "acme", {"name": "Acme <Fax>", "colour": "#aa3300"})
    portal = Portal(world.portal, world.store, DOMAIN, settings=world.settings)

    def page(path: str, host: str = f"acme.{DOMAIN}") -> tuple[int, str]:
        said = Client(portal).get(path, base_url=f"https://{host}", environ_base=HERE,
                                  headers={"Accept-Language": "de"})  # fmt: skip
        return said.status_code, said.text

    status, text = page("/api/v1/")
    assert (status, page("/api/v1")) == (200, (200, text))
    of_group = {each: page(f"/api/v1/?group={slug(each)}") for each in {each.group for each in OPERATIONS}}
    for each in OPERATIONS:
        assert f'href="?group={slug(each.group)}#{each.name}"' in text, each.name
        assert (of_group[each.group][0], f'id="{each.name}"' in of_group[each.group][1]) == (200, True), each.name
    assert page("/api/v1/?group=nothing")[0] == 404
    whole = text + "".join(found for _status, found in of_group.values())
    for path in openapi.document()["paths"]:
        assert f"{path}</code>" in text
        assert "<" not in path
    for name in ("documents[].url", "cover.to_name", "faxes[].error.t30_code", "audit:read", f"https://acme.{DOMAIN}/"):
        assert name in whole, name
    problems = page("/api/v1/problems")[1]
    for known in catalogue.ERRORS:
        assert f'id="{known.error_id}"' in problems
    for each in (text, problems, *(found for _status, found in of_group.values())):
        assert "Acme &lt;Fax&gt;" in each
        assert ("faxplan" in each.lower(), "<script" in each, "`" in each) == (False, False, False)
    assert page("/api/v1/", DOMAIN)[0] == 404
