"""A tenant's mail goes out by its own account, and signed by its own domain's key."""

import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path

import dkim
import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import language, mail_accounts, mail_provisioning
from faxplan.key_folder import KeyFolder
from faxplan.mail_accounts import Account, LogInRefused, Token, Tokens
from faxplan.mail_provisioning import InvalidAccount
from faxplan.web_client import AddressRefused, Fetched, WebClient
from tests import retained
from tests.certificates import Authority
from tests.db.test_mailer import add, keys, received, relay
from tests.mail_relay import MailRelay
from tests.mailing import mailer, mails
from tests.retained import execute
from tests.world import World

__all__ = ["keys", "relay"]
LOG_IN = "\0fax@acme.example\0open sesame"
SENDER = "fax@acme.example"


@pytest.fixture
def provider(world: World, relay: MailRelay, tmp_path: Path) -> Iterator[MailRelay]:
    """A mail provider on localhost, which an operator lets tenants name."""
    authority = Authority("of the test")
    authority.install(tmp_path / "tls", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls" / "agent.pem")
    world.settings = replace(
        world.settings, web_private_networks="127.0.0.0/8", web_ca_file=tmp_path / "tls" / "cafile.pem"
    )
    with MailRelay(tls=context, log_ins={LOG_IN}) as provider:
        yield provider


def account(provider: MailRelay, **changed: object) -> Account:
    known = Account("localhost", provider.port, "starttls", SENDER, SENDER, "open sesame")
    return replace(known, **changed)  # type: ignore[arg-type]


def put(world: World, made: Account) -> None:
    mail_provisioning.put_account(world.admin, "test", world.acme.tenant.slug, made, WebClient.of(world.settings))


def test_mail_goes_out_by_the_tenants_own_account(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay
) -> None:
    put(world, account(provider))
    received(world)
    assert mailer(world, keys).work()
    (mail,) = provider.mails
    assert (mail.sender, relay.mails) == (SENDER, [])
    assert SENDER in str(mail.message["From"])
    mail_provisioning.remove_account(world.admin, "test", world.acme.tenant.slug)
    received(world)
    mailer(world, keys).work()
    assert (len(provider.mails), len(relay.mails)) == (1, 1)


def test_while_a_provider_is_away_others_mail_goes_on(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay
) -> None:
    put(world, account(provider))
    received(world)
    provider.log_ins.clear()
    one = mailer(world, keys)
    assert not one.work()
    asked = provider.connections
    assert not one.work()
    assert provider.connections == asked  # it rests
    # Of a tenant without an account.
    execute(world, f"update mail_accounts set tenant_id = {world.borea.tenant.id}")
    execute(world, "update outbox set not_before = now()")
    assert one.work()
    assert len(relay.mails) == 1


def test_while_the_installations_server_is_away_those_with_accounts_go_on(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay
) -> None:
    relay.busy = True
    received(world)
    one = mailer(world, keys)
    assert not one.work()
    put(world, account(provider))
    assert one.work()
    assert len(provider.mails) == 1


def test_a_provider_that_is_slow_holds_up_nobody_elses_mail(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay
) -> None:
    put(world, account(provider))
    received(world)
    begun, taken = threading.Event(), threading.Event()
    went_on: list[bool] = []

    def is_slow() -> None:
        begun.set()
        went_on.append(taken.wait(60))

    provider.on_mail = is_slow
    relay.on_mail = taken.set
    one = mailer(world, keys)
    running = threading.Thread(target=one.run)
    running.start()
    try:
        assert begun.wait(60)
        retained.received(world, world.borea, "two")
        assert taken.wait(60)
    finally:
        one.stop()
        running.join()
    assert went_on == [True]
    assert (len(provider.mails), len(relay.mails)) == (1, 1)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"password": "guessed"}, InvalidAccount),
        ({"host": "no host"}, InvalidAccount),
        ({"sender": "nobody"}, InvalidAccount),
        ({"password": ""}, InvalidAccount),
        ({"refresh_token": "both"}, InvalidAccount),
        ({"user_name": ""}, InvalidAccount),
        ({"host": "127.0.0.1"}, InvalidAccount),  # its certificate is localhost's
    ],
)
def test_an_account_that_does_not_let_us_in_is_refused(
    world: World, provider: MailRelay, change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        put(world, account(provider, **change))
    account_now, _keys = mail_provisioning.known(world.admin, world.acme.tenant.slug)
    assert account_now is None


def test_no_account_leads_into_our_network(world: World, provider: MailRelay) -> None:
    world.settings = replace(world.settings, web_private_networks="")
    with pytest.raises(InvalidAccount, match="private network"):
        put(world, account(provider))
    with pytest.raises(AddressRefused):
        put(world, account(provider, password="", refresh_token="x", token_url="file:///etc/passwd"))


def test_a_token_that_is_asked_for_where_nothing_is_fetched_from_keeps_no_others_mail(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay
) -> None:
    """SECURITY: whoever names the address also says where its name leads, after it was looked at."""
    led_within = account(provider, password="", refresh_token="R1", token_url="https://localhost/token")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        mail_accounts.put(tx, world.acme.tenant.id, led_within)
    world.settings = replace(world.settings, web_private_networks="")
    received(world)
    retained.received(world, world.borea, "one")
    one = mailer(world, keys)
    assert (one.work(), one.work()) == (False, True)
    assert [each.recipients for each in relay.mails] == [[world.borea.user.email]]
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["tries"], "nothing is fetched from there" in row["said"]) == ("waiting", 0, True)


class _Answers(WebClient):
    """A provider's token endpoint, and what it was asked."""

    def __init__(self, *contents: bytes) -> None:
        super().__init__()
        object.__setattr__(self, "contents", list(contents))
        object.__setattr__(self, "asked", [])

    def post(self, address: str, fields: object, **_basic: object) -> Fetched:
        self.asked.append((address, fields))  # type: ignore[attr-defined]
        return Fetched(200, self.contents.pop(0))  # type: ignore[attr-defined]


def test_a_token_logs_in_and_is_asked_for_once_while_it_holds(
    world: World, keys: KeyFolder, provider: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.log_ins = {f"user={SENDER}\x01auth=Bearer T1\x01\x01"}
    made = account(provider, password="", refresh_token="R1", token_url="https://id.example/token", client_id="fax")
    client = _Answers(b'{"access_token": "T1", "expires_in": 3600, "refresh_token": "R2"}')
    tokens = Tokens(client)
    # The database may hear of the other one later.
    assert tokens.of(made) == tokens.of(made) == tokens.of(replace(made, refresh_token="R2"))
    ((address, fields),) = client.asked  # type: ignore[attr-defined]
    assert (address, fields["refresh_token"], fields["grant_type"]) == (
        "https://id.example/token", "R1", "refresh_token",
    )  # fmt: skip
    with world.admin.tenant(world.acme.tenant.id) as tx:
        mail_accounts.put(tx, world.acme.tenant.id, made)
    received(world)
    monkeypatch.setattr(Tokens, "of", lambda _self, _account: Token("T1", 0.0, "R2"))
    assert mailer(world, keys).work()
    assert len(provider.mails) == 1
    # The provider has given out another one in its place.
    with world.worker.tenant(world.acme.tenant.id) as tx:
        now = mail_accounts.of(tx, world.acme.tenant.id)
    assert now is not None
    assert now == replace(made, refresh_token="R2")


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"access_token": 7}', b'{"access_token": "a\\nb"}', b"no JSON"])
def test_what_is_no_token_logs_nobody_in(provider: MailRelay, content: bytes) -> None:
    made = account(provider, password="", refresh_token="R1", token_url="https://id.example/token")
    with pytest.raises(LogInRefused):
        Tokens(_Answers(content)).of(made)


def test_only_the_worker_reads_what_logs_in_and_what_signs(world: World, provider: MailRelay) -> None:
    put(world, account(provider))
    mail_provisioning.sign(world.admin, "test", world.acme.tenant.slug, "acme.example")
    for column, table in (("password", "mail_accounts"), ("private_key", "mail_signing_keys")):
        for role in (world.admin, world.portal, world.switch):
            with pytest.raises(InsufficientPrivilege), role.tenant(world.acme.tenant.id) as tx:
                tx.value(f"select {column} from {table}")


def test_mail_from_a_domain_is_signed_as_its_dns_says(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay
) -> None:
    # As somebody may write it.
    name, record = mail_provisioning.sign(world.admin, "test", world.acme.tenant.slug, " Acme.example. ", "FAX1")
    assert name == "fax1._domainkey.acme.example"
    received(world)
    mailer(world, keys).work()  # its sender is the carrier's: not signed
    assert relay.mails[0].message["DKIM-Signature"] is None
    put(world, account(provider))
    received(world)
    mailer(world, keys).work()
    (mail,) = provider.mails
    asked = []

    def dns(question: bytes, timeout: int = 5) -> bytes:
        asked.append(question.decode())
        return record.encode()

    assert dkim.verify(mail.content, dnsfunc=dns)
    assert asked == [f"{name}."]
    assert message_from_bytes(mail.content)["From"] is not None
    mail_provisioning.sign_no_more(world.admin, "test", world.acme.tenant.slug, "acme.example")
    received(world)
    mailer(world, keys).work()
    assert provider.mails[-1].message["DKIM-Signature"] is None
    assert [row["state"] for row in mails(world, world.acme.user)] == ["accepted"] * 3


# ------------------------------------------------------------------------------------------ servers that mean harm


def test_whatever_a_mail_server_says_is_noted(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    received(world)
    relay.thanks = "250 taken\0\x1b[2J"
    assert mailer(world, keys).work()
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["said"]) == ("accepted", "250 taken\ufffd\ufffd[2J")


@pytest.mark.parametrize("says", ["334 A", "334 " + "\u00fc" * 5, "999", "235", "2"])
def test_nonsense_of_a_provider_keeps_nobodys_mail(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay, says: str
) -> None:
    put(world, account(provider))
    provider.to_log_in = says
    received(world)
    one = mailer(world, keys)
    one.work()
    _of_another(world)
    assert one.work()
    assert len(relay.mails) == 1


@pytest.mark.parametrize(
    "token",
    [
        Fetched(200, b'{"access_token": "T1", "refresh_token": "a\\u0000"}'),
        Fetched(200, b'{"access_token": "T1", "refresh_token": "' + b"x" * 9000 + b'"}'),
        AddressRefused("its host has moved into our network"),
        RuntimeError("a bug"),
    ],
    ids=["nul", "long", "moved", "bug"],
)
def test_nonsense_of_who_gives_out_tokens_keeps_nobodys_mail(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay, monkeypatch: pytest.MonkeyPatch,
    token: Fetched | Exception,
) -> None:  # fmt: skip
    provider.log_ins = {f"user={SENDER}\x01auth=Bearer T1\x01\x01"}
    made = account(provider, password="", refresh_token="R1", token_url="https://id.example/token")

    def answered(*_asked: object) -> Fetched:
        if isinstance(token, Exception):
            raise token
        return token

    with world.admin.tenant(world.acme.tenant.id) as tx:
        mail_accounts.put(tx, world.acme.tenant.id, made)
    monkeypatch.setattr(WebClient, "post", answered)
    received(world)
    one = mailer(world, keys)
    one.work()
    _of_another(world)
    one.work()
    assert len(relay.mails) + len(provider.mails) == 1
    with world.worker.tenant(world.borea.tenant.id) as tx:
        now = mail_accounts.of(tx, world.borea.tenant.id)
    assert now is not None
    assert now.refresh_token == made.refresh_token


def test_a_server_that_dawdles_keeps_nobody_for_longer_than_one_answer_may_take(
    world: World, provider: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.dawdles = True
    monkeypatch.setattr("faxplan.mail._SECONDS", 2)
    with pytest.raises(InvalidAccount, match="takes no mail"):
        put(world, account(provider))


def test_a_server_that_takes_its_time_is_left_alone_when_it_is_over(
    world: World, keys: KeyFolder, relay: MailRelay, provider: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, account(provider))
    for number in range(3):
        add(world, f"{number}@partner.example")
    received(world)
    monkeypatch.setattr("faxplan.mailer.TURN_SECONDS", 1.0)
    provider.on_mail = lambda: time.sleep(1.1)
    one = mailer(world, keys)
    assert one.work()
    assert not one.work()
    assert len(provider.mails) == 1
    assert [row["tries"] for row in mails(world, world.acme.user)] == [1, 0, 0]


def test_a_password_that_no_server_can_be_told_is_refused_and_not_shown(world: World, provider: MailRelay) -> None:
    with pytest.raises(InvalidAccount, match="ASCII") as refused:
        put(world, account(provider, password="s\u00e9same"))
    told = "".join(traceback.format_exception(refused.value))
    assert "\u00e9" not in told
    assert "\\xe9" not in told
    with language.speaks("de"), pytest.raises(InvalidAccount, match="Zeichen"):
        put(world, account(provider, password="s\u00e9same"))


def _of_another(world: World) -> None:
    """What waits is a tenant's without an account from now on, and due."""
    execute(world, f"update mail_accounts set tenant_id = {world.borea.tenant.id}")
    execute(world, "update outbox set not_before = now()")
