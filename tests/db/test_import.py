"""`faxplan import`: what another fax server had is entered once, and what cannot be is told of."""

import csv
import io
import json
import re
import shlex
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from faxplan import cli, contact_groups, contacts, dids, import_entering, import_fusionpbx, mailboxes, users
from faxplan.contacts import Entry, Wanted
from faxplan.errors import InvalidNumber
from faxplan.import_entering import Wishes
from faxplan.import_inventory import Box, Inventory, Known, Left, Number, Organisation, Person
from tests.db.test_cli_administration import audited, listed, said, shop
from tests.documented import PROJECT, blocks, claimed
from tests.installations import Installation
from tests.world import World

__all__ = ["shop"]

NEW = Organisation(
    "new.example",
    "new",
    "New Ltd.",
    people=(Person("ada@new.example", "Ada", administrator=True), Person("ben@new.example")),
    boxes=(Box("Sales", ("ada@new.example", "ben@new.example")),),
    numbers=(Number("493023125901", "Sales", "Front"), Number("030 23125902", "ben@new.example")),
    contacts=(
        Known(Entry("Cid", "", "030 23125903"), "ben@new.example", ("Customers", "All")),
        Known(Entry("=Dee", "", "+4930 23125904", "", "two\nlines")),
        Known(Entry("Eve", "", "no number")),
    ),
)
ICTFAX = """<mysqldump><database>
<table_data name="usr">
<row><field name="usr_id">1</field><field name="email">ada@acme.example</field></row></table_data>
<table_data name="account"/></database></mysqldump>"""
MIGRATION = PROJECT / "docs/migration.md"
GERMANY = Wishes("DE", "Europe/Berlin")


def enter(world: World, organisation: Organisation, wishes: Wishes = GERMANY) -> import_entering.Outcome:
    return import_entering.enter(world.admin, world.portal, "administrator:root", "ictfax", organisation, wishes)


def test_an_organisation_becomes_a_tenant_and_a_second_time_nothing(world: World) -> None:
    tried = import_entering.tried(world.admin, NEW, GERMANY)
    made = enter(world, NEW)
    assert made.new == {"tenant": 1, "user": 2, "mailbox": 1, "reader": 2, "number": 2, "contact": 2} == tried.new
    assert made.without_password == ["ada@new.example", "ben@new.example"]
    assert [each.what for each in made.left] == ["contact Eve no number"] == [each.what for each in tried.left]
    with world.admin.across_tenants() as tx:
        tenant_id = tx.value("select id from tenants where slug = 'new'")
        tx.enter_tenant(tenant_id)
        sales = mailboxes.by_name(tx, tenant_id, "Sales")
        assert dids.mailbox_of(tx, tenant_id, "+493023125901") == sales
        ben = users.by_email(tx, tenant_id, "ben@new.example")
        ada = users.by_email(tx, tenant_id, "ada@new.example")
        assert dids.mailbox_of(tx, tenant_id, "+493023125902") == ben.mailbox_id
        assert ada.role == users.ADMINISTRATOR
        assert mailboxes.is_member(tx, tenant_id, sales, ben.id)
    with world.portal.tenant(tenant_id) as tx:
        assert [each.name for each in contacts.find(tx, ben, Wanted(), limit=9)] == ["=Dee", "Cid"]
        assert [each.name for each in contacts.find(tx, ada, Wanted(), limit=9)] == ["=Dee"]
        assert [(each.name, each.members) for each in contact_groups.of_user(tx, ben)] == [("All", 1), ("Customers", 1)]
    actions = [row["action"] for row in audited(world, tenant_id) if row["actor"] == "administrator:root"]
    assert actions.count("user.add") == 2
    assert all(row["details"].get("of") == "ictfax" for row in audited(world) if row["action"] == "tenant.add"
               and row["details"]["slug"] == "new")  # fmt: skip

    again = enter(world, NEW)
    assert again.new == dict.fromkeys(import_entering.KINDS, 0)
    assert again.there == made.new
    assert again.without_password == made.without_password
    assert [row["action"] for row in audited(world, tenant_id) if row["actor"] == "administrator:root"] == actions


def test_trying_changes_nothing(world: World) -> None:
    import_entering.tried(world.admin, NEW, GERMANY)
    with world.admin.across_tenants() as tx:
        assert tx.row("select 1 from tenants where slug = 'new'") is None
    assert not [row for row in audited(world) if row["details"].get("slug") == "new"]


def test_what_cannot_be_entered_keeps_nothing_else_out(world: World) -> None:
    """Another tenant's number, a reader who is nobody, a number of nobody, a mailbox with faxes in it."""
    acme = world.acme
    with world.admin.across_tenants() as tx:
        tx.enter_tenant(acme.tenant.id)
        taken = tx.value("select number from dids where tenant_id = %s limit 1", (acme.tenant.id,))
    made = enter(
        world,
        Organisation(
            "new.example",
            "new",
            "New Ltd.",
            people=(Person("ada@new.example"), Person("not an address")),
            boxes=(Box("Sales", ("ada@new.example", "eve@new.example")), Box(" ", ())),
            numbers=(Number(taken, "Sales"), Number("+493023125901", "Nowhere"), Number("+493023125902", "Sales")),
            contacts=(Known(Entry("Cid", "", "030 23125903")),),
        ),
    )
    assert (made.new["number"], made.new["mailbox"], made.new["reader"], made.new["user"]) == (1, 1, 1, 1)
    assert {each.what for each in made.left} == {
        "user not an address",
        "eve@new.example as a reader of mailbox Sales",
        "mailbox  ",
        f"number {taken}",
        "number +493023125901",
        "contact Cid 030 23125903",
    }
    with world.admin.across_tenants() as tx:
        tx.enter_tenant(acme.tenant.id)
        assert dids.mailbox_of(tx, acme.tenant.id, taken)


def test_nobody_is_let_in_where_faxes_lie(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `faxplan mailbox member`: an export's word opens no mailbox."""
    acme = world.acme
    with world.admin.across_tenants() as tx:
        tx.enter_tenant(acme.tenant.id)
        name = mailboxes.name_of(tx, acme.tenant.id, acme.user.mailbox_id or 0)
    monkeypatch.setattr(mailboxes, "was_sealed_to", lambda *_: True)
    slug = acme.tenant.slug
    box = Box(name, ("x@acme.example",))
    made = enter(world, Organisation(slug, slug, slug, people=(Person("x@acme.example"),), boxes=(box,)))
    assert made.new["reader"] == 0
    assert [each.what for each in made.left] == [f"x@acme.example as a reader of mailbox {name}"]
    assert "only who can open it lets somebody in" in made.left[0].why


def test_a_new_tenant_needs_its_country(world: World) -> None:
    with pytest.raises(import_entering.Unplaced, match="--country DE --time-zone"):
        enter(world, NEW, Wishes("DE"))
    with world.admin.across_tenants() as tx:
        assert tx.row("select 1 from tenants where slug = 'new'") is None


def test_a_short_name_that_was_guessed_opens_nobody_elses_tenant(world: World) -> None:
    stranger = replace(NEW, source="acme.pbx.example", slug="acme", name="acme.pbx.example", is_guess=True)
    with pytest.raises(import_entering.Unplaced, match=r"already.* --tenant acme.pbx.example=acme"):
        enter(world, stranger)
    with pytest.raises(import_entering.Unplaced):
        import_entering.tried(world.admin, stranger, GERMANY)
    guessed = replace(NEW, is_guess=True)
    enter(world, guessed)
    assert enter(world, guessed).there["tenant"] == 1


@pytest.mark.parametrize(
    ("text", "country", "number_format", "e164"),
    [
        ("9785550126", "US", "any", "+19785550126"),
        ("19785550126", "US", "any", "+19785550126"),
        ("493023125001", "DE", "any", "+493023125001"),
        ("030 23125001", "DE", "any", "+493023125001"),
        ("03023125001", "DE", "national", "+493023125001"),
        ("+43 1 58000", "DE", "any", "+43158000"),
    ],
)
def test_a_number_is_read_as_it_can_be(text: str, country: str, number_format: str, e164: str) -> None:
    assert import_entering.e164_of(text, country, number_format) == e164


@pytest.mark.parametrize(
    ("text", "country", "national"),
    [("49211123456", "DE", "+4949211123456"), ("4925551234", "US", "+14925551234")],
)
def test_a_number_that_can_be_two_is_asked_about(text: str, country: str, national: str) -> None:
    """In Germany 0492 11... is somewhere, and so is +49 211...; the other may well be a number of another country."""
    with pytest.raises(InvalidNumber, match=r"may be .*--numbers"):
        import_entering.e164_of(text, country, "any")
    assert import_entering.e164_of(text, country, "e164-no-plus") == f"+{text}"
    assert import_entering.e164_of(text, country, "national") == national


def fusionpbx(path: Path) -> Path:
    file = path / "fusionpbx.json"
    tables: dict[str, list[dict[str, Any]]] = {
        "v_domains": [{"domain_uuid": "d1", "domain_name": "new.example"}],
        "v_fax": [{"domain_uuid": "d1", "fax_uuid": "f1", "fax_extension": "900", "fax_name": "Sales",
                   "fax_email": "ada@new.example"}],
        "v_destinations": [{"domain_uuid": "d1", "fax_uuid": "f1", "destination_number": "03023125901"}],
    }  # fmt: skip
    file.write_text(json.dumps(tables))
    return file


def test_the_command_tries_enters_and_invites(shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(fusionpbx(tmp_path))
    where = ("--country", "DE", "--time-zone", "Europe/Berlin")
    assert "psql -At" in said(capsys, "import", "fusionpbx", "--show-query")
    assert "--country" in said(capsys, "import", "fusionpbx", file, code=1)
    assert "--show-query" in said(capsys, "import", "fusionpbx", code=1)
    dry = said(capsys, "import", "fusionpbx", file, *where, "--dry-run")
    assert "WOULD BE NEW" in dry
    assert "Nothing is changed." in dry
    assert [each["slug"] for each in listed(capsys, "tenant", "list")].count("new") == 0
    links, left = tmp_path / "links.csv", tmp_path / "left.csv"
    found = listed(capsys, "import", "fusionpbx", file, *where, "--invitations", str(links), "--left", str(left))
    assert found["tenants"][0]["new"]["number"] == 1
    assert found["tenants"][0]["without_password"] == ["ada@new.example"]
    (row,) = csv.DictReader(io.StringIO(links.read_text()))
    assert row["email"] == "ada@new.example"
    assert "/welcome#" in row["link"]
    assert stat.S_IMODE(links.stat().st_mode) == 0o600
    assert left.read_text().startswith("what,why\n")
    again = said(capsys, "import", "fusionpbx", file)
    assert "each new user needs an invitation" in again
    assert [each["number"] for each in listed(capsys, "did", "list", "new")] == ["+493023125901"]


def test_what_is_left_is_no_formula_of_a_spreadsheet(
    shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Inventory("fusionpbx", (), (Left("=1+1@new.example as a reader of mailbox Sales", "+1"),))
    monkeypatch.setattr(import_fusionpbx, "read", lambda _file, **_how: found)
    said(capsys, "import", "fusionpbx", "any", "--left", str(tmp_path / "left.csv"))
    rows = list(csv.reader(io.StringIO((tmp_path / "left.csv").read_text())))
    assert rows[1] == ["'=1+1@new.example as a reader of mailbox Sales", "'+1"]


def test_the_commands_of_the_page_run(
    shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fusionpbx(tmp_path)
    content = Path("fusionpbx.json").read_text().replace("new.example", "acme.pbx.example.com")
    Path("fusionpbx.json").write_text(content)
    Path("ictfax.xml").write_text(ICTFAX)
    (dispatch,) = [each.text for each in blocks(MIGRATION) if each.text.startswith('case "$CALLID3"')]
    # Other numbers than those that the tenant has.
    Path("FaxDispatch").write_text(dispatch.replace("493023125001", "493023125901"))
    for command in claimed(__file__, "docs/migration.md"):
        words = shlex.split(command.replace("/var/spool/hylafax/etc", str(tmp_path)))
        assert words.pop(0) == "faxplan"
        assert "Nothing is changed." in said(capsys, *words)
    found = listed(capsys, *words, "--numbers-begin", "493023125906")
    assert found["tenants"][0]["new"] == {"tenant": 0, "user": 3, "mailbox": 1, "reader": 2, "number": 2, "contact": 0}


def test_the_command_takes_ictfax_and_hylafax(shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = tmp_path / "ictfax.xml"
    dump.write_text(ICTFAX)
    slug = shop.acme.tenant.slug
    found = listed(capsys, "import", "ictfax", str(dump), "--tenant", slug)
    assert (found["system"], found["tenants"][0]["new"]["user"]) == ("ictfax", 1)
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "FaxDispatch").write_text('case "$CALLID3" in 03023125907) SENDTO=ada;; *) SENDTO=b;; esac\n')
    found = listed(capsys, "import", "hylafax", str(tmp_path), "--tenant", slug, "--mail-domain", "acme.example")
    assert found["tenants"][0]["there"]["user"] == 1
    assert found["tenants"][0]["new"]["number"] == 1
    assert len(found["left"]) == 1
    with pytest.raises(SystemExit):
        cli.main(["import", "fusionpbx", "x", "--tenant", "y"])
    assert "is not DOMAIN=TENANT" in capsys.readouterr().err


def test_the_query_of_fusionpbx_leaves_what_is_secret_there(installation: Installation, tmp_path: Path) -> None:
    """As PostgreSQL answers it, in a schema of these tables."""
    query = re.search('-c "(.*)"', import_fusionpbx.COMMAND)
    assert query is not None
    with closing(psycopg2.connect(installation.url("postgres"))) as connection, connection.cursor() as cursor:
        for table in import_fusionpbx.TABLES:
            cursor.execute(f"create temporary table {table} (domain_uuid text, domain_name text, fax_uuid text, "
                           "fax_name text, username text, password text, api_key text, "
                           "domain_setting_subcategory text, domain_setting_value text)")  # fmt: skip
        cursor.execute("insert into v_domains values ('d1', 'acme.example')")
        cursor.execute("insert into v_fax values ('d1', null, 'f1', 'Sales')")
        cursor.execute("insert into v_users values ('d1', null, null, null, 'ada', '$2y$hidden', 'key')")
        for name, value in (("time_zone", "Europe/Berlin"), ("smtp_password", "hunter2")):
            cursor.execute("insert into v_domain_settings (domain_setting_subcategory, domain_setting_value) "
                           "values (%s, %s)", (name, value))  # fmt: skip
        cursor.execute(query[1])
        (found,) = cursor.fetchone() or ({},)
    (user,) = found["v_users"]
    assert (user["username"], user.keys() & {"password", "api_key"}) == ("ada", set())
    (setting,) = found["v_domain_settings"]
    assert setting["domain_setting_value"] == "Europe/Berlin"
    path = tmp_path / "fusionpbx.json"
    path.write_text(json.dumps(found))
    (acme,) = import_fusionpbx.read(path, slugs={}).organisations
    assert acme.boxes == (Box("Sales", ()),)
