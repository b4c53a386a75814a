"""How one logs in: password, recovery code, second factor, passkeys. What opens the key is worked on in the browser."""

import io

import segno
from werkzeug.wrappers import Response

from faxplan import credentials, enrolment, login, passkeys, second_factor, user_keys, webauthn
from faxplan.login import Unlocked
from faxplan.second_factor import SECRET_BYTES
from faxplan.sessions import Session
from faxplan.user_keys import UserKey
from faxplan.webauthn import Registration
from portal import answers, cookies, handed_over, places, submitted
from portal.pages.login import AUTH_BYTES, LONGEST_CODE, site, whence
from portal.submitted import Submitted
from portal.visit import Visit

_SALT_BYTES, _LOCKED_BYTES = 32, 60
_LONGEST_NAME = 100


def _session(visit: Visit) -> Session:
    if visit.session is None:
        raise RuntimeError("nobody is logged in")
    return visit.session


def _auth(given: Submitted) -> bytes:
    return given.raw("auth", AUTH_BYTES)


def unlock_page(visit: Visit) -> Response:
    """GET: opens the key where it is not in this browser: log-in is not unlock."""
    return answers.page(visit, "unlock.html", to=places.within(visit.request.args.get("to", "")) or "/inbox")


def key(visit: Visit) -> Response:
    """POST, for scripts: the user's key, locked by the password, for who knows it; and what makes no password."""
    given = submitted.json(visit)
    code = given.text("code", LONGEST_CODE) if given.has("code") else ""
    found = login.unlock(visit.db, _session(visit), _auth(given), whence(visit), code=code)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        words = enrolment.words(tx, visit.user)
    return _unlocked(visit, found, {"locked": found.key.password.locked, "words": words})


def recovery_key(visit: Visit) -> Response:
    """POST, for scripts: the same, locked by the recovery code."""
    auth = _auth(submitted.json(visit))
    found = login.unlock_by_code(visit.db, _session(visit), auth, whence(visit))
    return _unlocked(visit, found, {"locked": found.key.recovery.locked})


def _unlocked(visit: Visit, found: Unlocked, locked: dict[str, object]) -> Response:
    """With that by which the browser keeps the key, and what it has to say from now on (`csrf`), if that is another."""
    own: dict[str, object] = {"user": visit.user.id, "secret": _session(visit).secret, "csrf": found.csrf}
    response = answers.data(locked | own | {"publicKey": found.key.public.raw})
    cookies.give_browser(response, found.browser)
    if found.token is not None:
        cookies.give(response, found.token)
    return response


# ------------------------------------------------------------------------------------------------- keys of before


def older_page(visit: Visit) -> Response:
    """GET: what an older key opens is brought back by its password or its recovery code."""
    return answers.page(visit, "older_keys.html", count=len(_older(visit)))


def older_keys(visit: Visit) -> Response:
    """POST, for scripts: of what to make proofs."""
    found = []
    for each in _older(visit):
        cost = each.password.cost
        costs = {"memory": cost.memory, "passes": cost.passes, "lanes": cost.lanes}
        found.append({"key": each.id, "salt": each.password.salt, "cost": costs})
    return answers.data({"keys": found})


def open_older(visit: Visit) -> Response:
    """POST, for scripts: the locks that an old password or code opens."""
    given = submitted.json(visit)
    auths = {each.number("key"): each.raw("auth", AUTH_BYTES) for each in given.parts("auths")}
    found = login.older_keys(visit.db, _session(visit), auths, whence(visit))
    keys = [{"key": each.id, "publicKey": each.public.raw, "locked": locked} for each, locked in found]
    return answers.data({"keys": keys})


def _older(visit: Visit) -> list[UserKey]:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return [each for each in user_keys.of_user(tx, visit.its_tenant.id, visit.user.id) if not each.is_current]


# ------------------------------------------------------------------------------------------- password and recovery code


def password_page(visit: Visit) -> Response:
    """GET: the form."""
    return answers.page(visit, "password.html")


def change_password(visit: Visit) -> Response:
    """POST, for scripts."""
    given = submitted.json(visit)
    part = given.part("password")
    token = credentials.change_password(
        visit.db,
        _session(visit),
        _auth(given),
        whence(visit),
        password=handed_over.password_lock(part),
        other=part.raw("auth", AUTH_BYTES),
    )
    response = answers.data({})
    cookies.give_browser(response, token)
    return response


def code_page(visit: Visit) -> Response:
    """GET: the form."""
    return answers.page(visit, "recovery_code.html")


def change_code(visit: Visit) -> Response:
    """POST, for scripts."""
    given = submitted.json(visit)
    recovery = handed_over.recovery_lock(given.part("recovery"))
    credentials.change_code(visit.db, _session(visit), _auth(given), whence(visit), recovery)
    return answers.data({})


# ------------------------------------------------------------------------------------------------------- second factor


def codes_page(visit: Visit) -> Response:
    """GET: on or off."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        is_on = second_factor.is_on(tx, visit.user)
    return answers.page(visit, "second_factor.html", is_on=is_on)


def new_secret(visit: Visit) -> Response:
    """POST, for scripts: a secret for a telephone, as letters and as a QR code; kept nowhere yet."""
    login.check_password(visit.db, _session(visit), _auth(submitted.json(visit)), whence(visit))
    secret = second_factor.new_secret()
    address = second_factor.address(secret, issuer=visit.brand.name, email=visit.user.email)
    drawn = io.BytesIO()
    # Dark on light, whatever the page is: telephones read no other.
    segno.make(address, error="m").save(drawn, kind="svg", scale=5, light="#fff", xmldecl=False)
    return answers.data({"secret": secret, "written": second_factor.written(secret), "svg": drawn.getvalue().decode()})


def turn_on_codes(visit: Visit) -> Response:
    """POST, for scripts: with a first code."""
    given = submitted.json(visit)
    credentials.turn_on_codes(
        visit.db,
        _session(visit),
        _auth(given),
        whence(visit),
        secret=given.raw("secret", SECRET_BYTES),
        code=given.text("code", 20),
    )
    return answers.data({})


def turn_off_codes(visit: Visit) -> Response:
    """POST, for scripts."""
    credentials.turn_off_codes(visit.db, _session(visit), _auth(submitted.json(visit)), whence(visit))
    return answers.data({})


# ------------------------------------------------------------------------------------------------------------ passkeys


def passkeys_page(visit: Visit) -> Response:
    """GET: all, and one more."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = passkeys.everyone(tx, visit.user)
    return answers.page(visit, "passkeys.html", passkeys=found)


def new_passkey(visit: Visit) -> Response:
    """POST, for scripts: what a browser makes one of."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        known = passkeys.ids(tx, visit.user)
    here = site(visit)
    return answers.data(
        {
            "challenge": credentials.passkey_challenge(visit.db, _session(visit)),
            "rp": {"id": here.host, "name": here.name},
            "user": {
                "id": f"{visit.user.tenant_id}:{visit.user.id}".encode(),
                "name": visit.user.email,
                "displayName": visit.user.name or visit.user.email,
            },
            "algorithms": webauthn.algorithms(),
            "known": known,
        }
    )


def add_passkey(visit: Visit) -> Response:
    """POST, for scripts: one that was made."""
    given = submitted.json(visit)
    lock = given.part("lock") if given.has("lock") else None
    credentials.add_passkey(
        visit.db,
        _session(visit),
        _auth(given),
        whence(visit),
        site(visit),
        Registration(given.raw("clientData"), given.raw("attestation")),
        name=given.text("name", _LONGEST_NAME),
        salt=lock.raw("salt", _SALT_BYTES) if lock else None,
        locked=lock.raw("locked", _LOCKED_BYTES) if lock else None,
    )
    return answers.data({})


def remove_passkey(visit: Visit, number: int) -> Response:
    """POST: it logs in no more, and opens nothing."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        name = passkeys.name_of(tx, visit.user, number)
    passkeys.remove(visit.db, visit.user, name, actor=visit.actor)
    return answers.to("/account/passkeys", note="removed")
