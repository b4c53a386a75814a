"""What exports of other fax servers say: people, mailboxes, numbers, contacts, and what is left."""

import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from faxplan import import_fusionpbx, import_hylafax, import_ictfax, import_inventory
from faxplan.contacts import Entry
from faxplan.import_hylafax import Reading
from faxplan.import_inventory import Box, Inventory, Known, Number, Organisation, Person, UnreadableExport
from tests.documented import PROJECT


def only(inventory: Inventory) -> Organisation:
    (organisation,) = inventory.organisations
    return organisation


def left(inventory: Inventory) -> dict[str, str]:
    return {each.what: each.why for each in inventory.left}


# ICTFax


def table(name: str, *rows: dict[str, str | None]) -> str:
    fields = "".join(
        "<row>" + "".join(
            f'<field name="{key}" xsi:nil="true" />' if value is None else f'<field name="{key}">{value}</field>'
            for key, value in row.items()
        ) + "</row>"
        for row in rows
    )  # fmt: skip
    return f'<table_data name="{name}">{fields}</table_data>'


def ictfax(path: Path, *tables: str) -> Inventory:
    namespace = "http://www.w3.org/2001/XMLSchema-instance"
    body = "".join(tables)
    path.write_text(f'<?xml version="1.0"?><mysqldump xmlns:xsi="{namespace}"><database>{body}</database></mysqldump>')
    return import_ictfax.read(path, slug="acme", name="Acme")


USERS = table(
    "usr",
    {"usr_id": "1", "username": "admin", "first_name": "Ada", "last_name": "Boss", "email": "Ada@acme.example",
     "active": "1", "passwd": "0cc175b9c0f1b6a831c399e269772661"},
    {"usr_id": "2", "username": "ben", "first_name": None, "last_name": None, "email": "ben@acme.example",
     "active": "1"},
    {"usr_id": "3", "username": "gone", "email": "gone@acme.example", "active": "0"},
    {"usr_id": "4", "username": "nobody", "email": None, "active": "1"},
)  # fmt: skip
ROLES = table("role", {"role_id": "7", "name": "admin"}) + table("user_role", {"role_id": "7", "usr_id": "1"})


def test_ictfax_has_people_and_numbers(tmp_path: Path) -> None:
    found = ictfax(
        tmp_path / "ictfax.xml",
        USERS,
        ROLES,
        table(
            "account",
            {"account_id": "1", "type": "eaddress", "username": "ben", "email": "ben@acme.example", "created_by": "2"},
            {"account_id": "2", "type": "did", "phone": "493023125001", "email": None, "created_by": "2",
             "active": "1"},
            {"account_id": "3", "type": "did", "username": "03023125002", "email": "desk@acme.example",
             "first_name": "Front", "last_name": "desk", "created_by": "1", "active": "1"},
            {"account_id": "4", "type": "did", "phone": "03023125003", "created_by": "3", "active": "1"},
            {"account_id": "5", "type": "did", "phone": "03023125004", "created_by": "1", "active": "0"},
        ),
        table("provider", {"provider_id": "1", "name": "carrier", "host": "sip.example", "password": "hidden"}),
    )  # fmt: skip
    acme = only(found)
    assert acme.people == (
        Person("ada@acme.example", "Ada Boss", administrator=True),
        Person("ben@acme.example"),
        Person("desk@acme.example"),
    )
    assert acme.boxes == (Box("03023125002", ("ada@acme.example", "desk@acme.example")),)
    assert acme.numbers == (
        Number("493023125001", "ben@acme.example"),
        Number("03023125002", "03023125002", "Front desk"),
    )
    assert left(found).keys() == {
        "user gone", "user nobody", "number 03023125003", "number 03023125004", "trunk carrier at sip.example"
    }  # fmt: skip
    assert "hidden" not in repr(found)
    assert "0cc175b9" not in repr(found)


def test_ictfax_has_contacts_and_their_groups(tmp_path: Path) -> None:
    found = ictfax(
        tmp_path / "ictfax.xml",
        USERS,
        table("account"),
        table(
            "contact",
            {"contact_id": "1", "first_name": "Cid", "last_name": "Lee", "phone": "030 1", "email": "c@x.example",
             "description": "north", "custom1": "47", "created_by": "2"},
            {"contact_id": "2", "first_name": None, "phone": "030 2", "created_by": "99"},
            {"contact_id": "3", "first_name": "None", "phone": None, "created_by": "2"},
        ),
        table("contact_group", {"group_id": "5", "name": "Customers"}),
        table("contact_link", {"group_id": "5", "contact_id": "1"}, {"group_id": "6", "contact_id": "2"}),
    )  # fmt: skip
    assert only(found).contacts == (
        Known(Entry("Cid Lee", "", "030 1", "c@x.example", "north\n47"), "ben@acme.example", ("Customers",)),
        Known(Entry("030 2", "", "030 2"), None, ()),
    )
    assert left(found)["contact None"] == "Has no number."


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "content",
    [
        "insert into usr values (1);",
        '<mysqldump><table_data name="usr"/></mysqldump>',
        '<?xml version="1.0" encoding="utf-32"?><mysqldump/>',
        '<?xml version="1.0" encoding="none"?><mysqldump/>',
        f'<!DOCTYPE m [<!ENTITY a0 "ha">{LAUGHS}]><mysqldump>&a11;</mysqldump>',
        '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><mysqldump>&a;</mysqldump>',
    ],
)
def test_what_is_no_dump_of_ictfax_says_how_to_make_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "dump"
    file.write_text(content)
    with pytest.raises(UnreadableExport, match="mysqldump --xml --no-create-info ictfax usr"):
        import_ictfax.read(file, slug="acme", name="Acme")


# FusionPBX

DOMAIN = {"domain_uuid": "d1", "domain_name": "acme.pbx.example", "domain_enabled": "true"}
FAX = {"domain_uuid": "d1", "fax_uuid": "f1", "fax_extension": "900", "fax_name": "Sales"}


def fusionpbx(
    tmp_path: Path, *, slugs: dict[str, str] | None = None, all_users: bool = False, **tables: Any
) -> Inventory:
    path = tmp_path / "fusionpbx.json"
    path.write_text(json.dumps({"v_domains": [DOMAIN], "v_fax": [FAX], **tables}))
    return import_fusionpbx.read(path, slugs=slugs or {}, all_users=all_users)


def test_fusionpbx_has_a_mailbox_for_each_fax_server_and_its_readers(tmp_path: Path) -> None:
    found = fusionpbx(
        tmp_path,
        v_fax=[
            {**FAX, "fax_email": "ben@acme.example; Desk@acme.example,nonsense", "fax_forward_number": "901"},
            {**FAX, "fax_uuid": "f2", "fax_extension": "901", "fax_email": None},
        ],
        v_fax_users=[{"domain_uuid": "d1", "fax_uuid": "f1", "user_uuid": "u1"}],
        v_users=[
            {"domain_uuid": "d1", "user_uuid": "u1", "username": "ada", "user_email": "ada@acme.example",
             "user_enabled": True, "password": "$2y$hidden"},
            {"domain_uuid": "d1", "user_uuid": "u2", "username": "tel", "user_email": "tel@acme.example",
             "user_enabled": "true"},
            {"domain_uuid": "d1", "user_uuid": "u3", "username": "off", "user_email": "off@acme.example",
             "user_enabled": "false"},
            {"domain_uuid": "d1", "user_uuid": "u4", "username": "chief", "user_email": None, "contact_uuid": "c1",
             "user_enabled": "true"},
            {"domain_uuid": "d9", "user_uuid": "u9", "username": "else", "user_email": "else@x.example"},
        ],
        v_user_groups=[{"domain_uuid": "d1", "user_uuid": "u4", "group_name": "admin"}],
        v_contact_emails=[
            {"domain_uuid": "d1", "contact_uuid": "c1", "email_address": "chief@acme.example", "email_primary": "1"},
            {"domain_uuid": "d1", "contact_uuid": "c1", "email_address": "old@acme.example", "email_primary": "0"},
        ],
        v_domain_settings=[
            {"domain_uuid": "d1", "domain_setting_category": "domain", "domain_setting_subcategory": "time_zone",
             "domain_setting_name": "text", "domain_setting_value": "Europe/Berlin", "domain_setting_enabled": True},
            {"domain_uuid": "d1", "domain_setting_category": "domain", "domain_setting_subcategory": "country",
             "domain_setting_name": "code", "domain_setting_value": "de", "domain_setting_enabled": True},
            {"domain_uuid": "d1", "domain_setting_category": "domain", "domain_setting_subcategory": "country",
             "domain_setting_name": "code", "domain_setting_value": "us", "domain_setting_enabled": False},
        ],
    )  # fmt: skip
    acme = only(found)
    assert (acme.slug, acme.time_zone, acme.country) == ("acme", "Europe/Berlin", "de")
    assert acme.boxes == (
        Box("Sales", ("ada@acme.example", "ben@acme.example", "desk@acme.example")),
        Box("Sales (2)", ()),
    )
    assert acme.people == (
        Person("ada@acme.example", "ada"),
        Person("ben@acme.example"),
        Person("desk@acme.example"),
        Person("chief@acme.example", "chief", administrator=True),
    )
    told = "\n".join(f"{each.what}: {each.why}" for each in found.left)
    for words in ("'nonsense'", "on to 901", "Sales (2) of acme.pbx.example: Nobody reads", "user off@", "1 users of"):
        assert words in told
    assert "hidden" not in repr(found)
    everybody = fusionpbx(
        tmp_path,
        all_users=True,
        v_users=[{"domain_uuid": "d1", "user_uuid": "u2", "username": "tel", "user_email": "tel@acme.example"}],
    )
    assert only(everybody).people == (Person("tel@acme.example", "tel"),)


@pytest.mark.parametrize(
    ("destination", "number"),
    [
        ({"fax_uuid": "f1", "destination_number": "03023125001"}, "03023125001"),
        ({"destination_app": "transfer", "destination_data": "900 XML acme.pbx.example",
          "destination_number": "5550100", "destination_prefix": "1", "destination_area_code": "978"}, "+19785550100"),
        ({"destination_actions": '[{"destination_app":"transfer","destination_data":"900 XML acme"}]',
          "destination_number": "+493023125001", "destination_prefix": "49"}, "+493023125001"),
        ({"destination_actions": [{"destination_app": "transfer", "destination_data": "900 XML acme"}],
          "destination_number": "1"}, "1"),
    ],
)  # fmt: skip
def test_a_destination_that_leads_to_a_fax_server_is_its_number(
    tmp_path: Path, destination: dict[str, Any], number: str
) -> None:
    row = {"domain_uuid": "d1", "destination_type": "inbound", "destination_enabled": "true", **destination}
    found = fusionpbx(tmp_path, v_destinations=[{**row, "destination_description": "Front"}])
    assert only(found).numbers == (Number(number, "Sales", "Front"),)
    for off in (
        {"destination_enabled": "false"}, {"destination_type": "outbound"}, {"destination_type": "local"},
        {"domain_uuid": "d2"},
    ):  # fmt: skip
        found = fusionpbx(tmp_path, v_destinations=[{**row, **off}])
        assert only(found).numbers == ()
        assert left(found)["fax server Sales of acme.pbx.example"].startswith(("No number leads", "Nobody reads"))


@pytest.mark.parametrize("odd", [5, 1.5, True, ["x"], {"a": "b"}, "[" * 100_000])
def test_a_column_is_of_whatever_kind_a_hand_has_made_it(tmp_path: Path, odd: Any) -> None:
    person = {"domain_uuid": "d1", "user_uuid": "u1", "username": odd, "user_email": odd, "contact_uuid": odd}
    mail = {"domain_uuid": "d1", "contact_uuid": odd, "email_address": odd}
    to = {"domain_uuid": "d1", "destination_number": odd, "destination_actions": odd, "destination_data": odd}
    fax = FAX | {"fax_email": odd, "fax_name": odd}
    found = fusionpbx(tmp_path, v_fax=[fax], v_users=[person], v_contact_emails=[mail], v_destinations=[to])
    assert len(only(found).boxes) == 1


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"destination_app": "transfer", "destination_data": "901 XML acme"},
        {"destination_app": "bridge", "destination_data": "900 XML acme"},
        {"destination_actions": "[{"},
        {"destination_actions": '{"a": 1}'},
        {"destination_actions": "[1]"},
        {"domain_uuid": None, "destination_app": "transfer", "destination_data": "900 XML other.pbx.example"},
    ],
)
def test_a_destination_that_leads_elsewhere_is_not(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    row = {"domain_uuid": "d1", "destination_number": "1", **elsewhere}
    assert only(fusionpbx(tmp_path, v_destinations=[row])).numbers == ()


def test_a_destination_may_be_of_no_domain_and_a_fax_server_have_another_number(tmp_path: Path) -> None:
    found = fusionpbx(
        tmp_path,
        v_fax=[{**FAX, "fax_destination_number": "9900"}],
        v_destinations=[
            {"domain_uuid": None, "destination_number": "1", "destination_app": "transfer",
             "destination_data": "900 XML acme.pbx.example"},
            {"domain_uuid": "d1", "destination_number": "2", "destination_app": "transfer",
             "destination_data": "9900 XML acme.pbx.example"},
        ],
    )  # fmt: skip
    assert [each.number for each in only(found).numbers] == ["2", "1"]


def test_a_number_for_voice_and_fax_and_one_with_conditions_are_told_of(tmp_path: Path) -> None:
    """As destination_edit.php writes them: fax_uuid has it listen for a fax, and its actions ring a telephone."""
    to_fax = [{"destination_app": "transfer", "destination_data": "900 XML acme.pbx.example"}]
    to_voice = [{"destination_app": "transfer", "destination_data": "1001 XML acme.pbx.example"}]
    row = {"domain_uuid": "d1", "destination_type": "inbound", "fax_uuid": "f1"}
    found = fusionpbx(
        tmp_path,
        v_destinations=[
            {**row, "destination_number": "1", "destination_actions": to_voice},
            {**row, "destination_number": "2", "destination_actions": to_fax},
            {**row, "destination_number": "3", "destination_conditions": [{"condition_field": "caller_id_number"}]},
        ],
    )
    assert [each.number for each in only(found).numbers] == ["1", "2", "3"]
    told = left(found)
    assert told["number 1"].startswith("Is one for voice and fax (transfer 1001 XML acme.pbx.example)")
    assert "number 2" not in told
    assert told["number 3"] == "Took only calls on conditions; here it takes every call."


def test_who_did_not_see_a_contact_in_fusionpbx_does_not_see_it_here(tmp_path: Path) -> None:
    """core/contacts/contacts.php: a contact is seen by the users and groups to whom it is assigned."""
    users = {"u1": "ada", "u2": "ben", "u3": "tel", "u4": "chief"}
    tables = {
        "v_users": [{"domain_uuid": "d1", "user_uuid": each, "username": name, "user_email": f"{name}@acme.example"}
                    for each, name in users.items()],
        "v_fax_users": [{"domain_uuid": "d1", "fax_uuid": "f1", "user_uuid": each} for each in ("u1", "u2")],
        "v_user_groups": [
            *({"domain_uuid": "d1", "user_uuid": each, "group_uuid": "g1", "group_name": "user"}
              for each in ("u1", "u2", "u3")),
            {"domain_uuid": "d1", "user_uuid": "u4", "group_uuid": "g2", "group_name": "admin"},
            {"domain_uuid": "d1", "user_uuid": "u2", "group_uuid": "g3", "group_name": "sales"},
        ],
        "v_contacts": [
            *({"domain_uuid": "d1", "contact_uuid": each, "contact_organization": each}
              for each in ("all", "sales", "two", "tel", "nobody")),
            {"domain_uuid": None, "contact_uuid": "global", "contact_organization": "Global"},
        ],
        "v_contact_phones": [{"domain_uuid": "d1", "contact_uuid": each, "phone_type_fax": 1, "phone_number": "1"}
                             for each in ("all", "sales", "two", "tel", "nobody")],
        "v_contact_groups": [{"domain_uuid": "d1", "contact_uuid": "all", "group_uuid": "g1"},
                             {"domain_uuid": "d1", "contact_uuid": "sales", "group_uuid": "g3"}],
        "v_contact_users": [{"domain_uuid": "d1", "contact_uuid": "two", "user_uuid": each} for each in ("u1", "u2")]
        + [{"domain_uuid": "d1", "contact_uuid": "tel", "user_uuid": "u3"}],
    }  # fmt: skip
    found = fusionpbx(tmp_path, **tables)
    assert [(each.entry.company, each.owner) for each in only(found).contacts] == [
        ("all", None),
        ("sales", "ben@acme.example"),
        ("two", "ada@acme.example"),
        ("two", "ben@acme.example"),
        ("nobody", None),
    ]
    told = left(found)
    assert told["1 contacts of acme.pbx.example"] == "Belong to users there who are not taken over."
    assert "1 contacts of no domain" in told


def test_fusionpbx_has_contacts_with_fax_numbers(tmp_path: Path) -> None:
    found = fusionpbx(
        tmp_path,
        v_contacts=[
            {"domain_uuid": "d1", "contact_uuid": "c1", "contact_organization": "Calder", "contact_name_given": "Ruth",
             "contact_name_family": "Calder", "contact_note": "x"},
            {"domain_uuid": "d1", "contact_uuid": "c2", "contact_organization": "Phones only"},
        ],
        v_contact_phones=[
            {"domain_uuid": "d1", "contact_uuid": "c1", "phone_type_fax": "1", "phone_number": "5550126",
             "phone_country_code": "1"},
            {"domain_uuid": "d1", "contact_uuid": "c1", "phone_type_fax": None, "phone_label": "Fax",
             "phone_number": "+19785550127"},
            {"domain_uuid": "d1", "contact_uuid": "c2", "phone_type_fax": "0", "phone_label": "work",
             "phone_number": "1"},
        ],
        v_contact_emails=[{"domain_uuid": "d1", "contact_uuid": "c1", "email_address": "ruth@calder.example"}],
    )  # fmt: skip
    assert [known.entry for known in only(found).contacts] == [
        Entry("Ruth Calder", "Calder", "+15550126", "ruth@calder.example", "x"),
        Entry("Ruth Calder", "Calder", "+19785550127", "ruth@calder.example", "x"),
    ]
    assert left(found)["1 contacts of acme.pbx.example"] == "Have no fax number."


def test_domains_are_named_or_name_themselves(tmp_path: Path) -> None:
    off = {"domain_uuid": "d2", "domain_name": "off.example", "domain_enabled": "false"}
    none = {"domain_uuid": "d3", "domain_name": "phones.example"}
    found = fusionpbx(tmp_path, slugs={"acme.pbx.example": "harrow"}, v_domains=[DOMAIN, off, none])
    assert only(found).slug == "harrow"
    assert {"domain off.example", "domain phones.example"} <= left(found).keys()
    with pytest.raises(UnreadableExport, match=r"no domain acme.example .* It has: acme.pbx.example"):
        fusionpbx(tmp_path, slugs={"acme.example": "harrow"})


def test_two_domains_become_one_tenant_only_if_somebody_says_so(tmp_path: Path) -> None:
    domains = [
        {"domain_uuid": "d1", "domain_name": "pbx.acme.example"},
        {"domain_uuid": "d2", "domain_name": "pbx.other.example"},
    ]
    faxes = [FAX, {**FAX, "domain_uuid": "d2", "fax_uuid": "f2"}]
    with pytest.raises(UnreadableExport, match=r"--tenant pbx.acme.example=SHORT-NAME --tenant pbx.other.example="):
        fusionpbx(tmp_path, v_domains=domains, v_fax=faxes)
    with pytest.raises(UnreadableExport, match="both become tenant pbx"):
        fusionpbx(tmp_path, slugs={"pbx.other.example": "pbx"}, v_domains=domains, v_fax=faxes)
    said = {"pbx.acme.example": "acme", "pbx.other.example": "acme"}
    found = fusionpbx(tmp_path, slugs=said, v_domains=domains, v_fax=faxes)
    assert [(each.slug, each.is_guess) for each in found.organisations] == [("acme", False), ("acme", False)]


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"v_domains": null}', '{"v_domains": [{}], "v_fax": []}', '{"v_domains": 1, "v_fax": []}', "\xff",
     "9" * 5000],
)  # fmt: skip
def test_what_is_no_export_of_fusionpbx_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "export"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(UnreadableExport):
        import_fusionpbx.read(file, slugs={})


@pytest.mark.parametrize("command", [import_ictfax.COMMAND, import_fusionpbx.COMMAND])
def test_what_an_export_writes_is_for_nobody_else(tmp_path: Path, command: str) -> None:
    """Passwords are in it, hashed and not."""
    for name in ("mysqldump", "psql", "runuser"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho secret\n")
        program.chmod(0o755)
    subprocess.run(
        ["/bin/sh", "-c", f"umask 022; {command}"], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True
    )
    (export,) = (each for each in tmp_path.iterdir() if each.suffix in (".xml", ".json"))
    assert (export.read_text(), stat.S_IMODE(export.stat().st_mode)) == ("secret\n", 0o600)


def test_the_page_has_the_command_of_ictfax() -> None:
    assert f"    {import_ictfax.COMMAND}\n" in (PROJECT / "docs/migration.md").read_text()


# HylaFAX


def hylafax(tmp_path: Path, dispatch: str | None, hosts: str | None = None, **reading: Any) -> Inventory:
    for name, content in (("FaxDispatch", dispatch), ("hosts.hfaxd", hosts)):
        if content is not None:
            (tmp_path / name).write_text(content)
    return import_hylafax.read(*import_hylafax.files_in(tmp_path), slug="acme", name="Acme", reading=Reading(**reading))


def test_a_case_over_the_called_number_makes_numbers(tmp_path: Path) -> None:
    found = hylafax(
        tmp_path,
        """
# what comes in
FILETYPE=pdf
case "$CALLID3" in
    493023125001)  SENDTO=ada@acme.example;;   # the boss
    "493023125002"|493023125003) FILETYPE=pdf; SENDTO="ben@acme.example, desk@acme.example" ;;
    *004) SENDTO=ben@acme.example;;
    *) SENDTO=sam;;
esac
""",
        numbers_begin="493023125",
    )
    acme = only(found)
    two = ("ben@acme.example", "desk@acme.example")
    assert acme.numbers == (
        Number("493023125001", "ada@acme.example"),
        Number("493023125002", "493023125002"),
        Number("493023125003", "493023125003"),
        Number("493023125004", "ben@acme.example"),
    )
    assert acme.boxes == (Box("493023125002", two), Box("493023125003", two))
    assert [person.email for person in acme.people] == ["ada@acme.example", *two]
    assert left(found) == {"line 8 of FaxDispatch": "SENDTO='sam' is no address: --mail-domain gives names a domain."}


def test_an_if_does_so_too_and_a_name_gets_a_domain(tmp_path: Path) -> None:
    found = hylafax(
        tmp_path,
        """
if [ "$CALLID4" = "493023125001" ]; then SENDTO=ada
elif test "${CALLID4}" = 493023125002; then
    SENDTO='ben@acme.example'
else
    SENDTO=desk
fi
SENDTO=all
""",
        mail_domain="acme.example",
    )
    assert only(found).numbers == (
        Number("493023125001", "ada@acme.example"),
        Number("493023125002", "ben@acme.example"),
    )
    assert [each.what for each in found.left] == ["line 6 of FaxDispatch", "line 8 of FaxDispatch"]
    assert "faxes: they go to desk@acme.example" in found.left[0].why


def test_what_goes_by_the_caller_or_by_a_wider_pattern_is_told_of(tmp_path: Path) -> None:
    text = (
        'case "$CIDNUMBER" in\n435*) SENDTO=a@x.example;;\nesac\n'
        "case $ROUTE in 30[12]) SENDTO=b@x.example;; 33) SENDTO=b@x.example;; esac\n"
    )
    found = hylafax(tmp_path, text, called=("ROUTE",))
    assert only(found).numbers == (Number("33", "b@x.example"),)
    why = [f"{each.what}: {each.why}" for each in found.left]
    assert "line 2 of FaxDispatch: Goes by $CIDNUMBER" in why[0]
    assert "line 4 of FaxDispatch: '30[12]' is no whole number" in why[1]


def test_a_line_of_any_length_is_read(tmp_path: Path) -> None:
    long = " " * 200_000
    text = f"case $CALLID3 in\n{long}x\n x{long}x\n ( 493023125001 ) SENDTO=a@x.example;;\nesac\n"
    hosts = f"ben@.*{long}# nobody\n{long}x"
    assert only(hylafax(tmp_path, text, hosts, mail_domain="x.example")).numbers == (
        Number("493023125001", "a@x.example"),
    )


def test_hosts_hfaxd_has_users(tmp_path: Path) -> None:
    found = hylafax(
        tmp_path,
        None,
        """# clients
localhost
127.0.0.1
^ada@.*$:100:Wx/secret:Xy/admin
^ben@::
!eve@.*
""",
        mail_domain="acme.example",
    )
    assert only(found).people == (
        Person("ada@acme.example", "ada", administrator=True),
        Person("ben@acme.example", "ben"),
    )
    assert left(found).keys() == {f"line {number} of hosts.hfaxd" for number in (2, 3, 6)}
    assert "secret" not in repr(found)


def test_where_nobody_can_be_taken_it_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnreadableExport, match=r"--mail-domain.*SENDTO='sam'"):
        hylafax(tmp_path, "SENDTO=sam\n")
    (tmp_path / "FaxDispatch").unlink()
    with pytest.raises(UnreadableExport, match="neither FaxDispatch nor hosts"):
        import_hylafax.files_in(tmp_path)


def test_names_of_tenants_and_mailboxes() -> None:
    assert import_inventory.slug_of("ACME.pbx.example") == "acme"
    assert import_inventory.slug_of("Harrow & Pike Ltd.") == "harrow-pike-ltd"
    with pytest.raises(UnreadableExport, match="--tenant"):
        import_inventory.slug_of("...")
    assert import_inventory.once(["a", "A", "b", "a"]) == ["a", "A (2)", "b", "a (3)"]
    assert import_inventory.addresses("A@x.example; b@x.example a@x.example, c") == (
        ["a@x.example", "b@x.example"],
        ["c"],
    )
