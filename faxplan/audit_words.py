"""Rows of the audit, in words for people; what they do not say stands in the row's details."""

from collections.abc import Mapping

from faxplan import numbers
from faxplan.db import Row
from faxplan.language import _, marked

_ACTS: Mapping[str, str] = {
    "api-key.end": marked("{who} ended {what}, of {user}"),
    "api-key.make": marked("{who} made {what}, for {user}"),
    "audit.export": marked("{who} exported the audit"),
    "brand.add-host": marked("{who} asked for the host name {what}"),
    "brand.change": marked("{who} changed the brand"),
    "brand.confirm-host": marked("{who} confirmed the host name {what}"),
    "brand.remove-host": marked("{who} took away the host name {what}"),
    "campaign.cancel": marked("{who} cancelled {what}"),
    "campaign.change": marked("{who} changed {what}"),
    "campaign.clone": marked("{who} made {what} as another one was"),
    "campaign.cover": marked("{who} gave {what} a cover page"),
    "campaign.export": marked("{who} exported the results of {what}"),
    "campaign.file-remove": marked("{who} stopped the reading of recipients of {what}"),
    "campaign.make": marked("{who} made {what}"),
    "campaign.no-cover": marked("{who} took the cover page off {what}"),
    "campaign.open": marked("{who} opened the cover page of {what}"),
    "campaign.pause": marked("{who} paused {what}"),
    "campaign.purge": marked("{who} destroyed the recipients of {what}"),
    "campaign.remove": marked("{who} deleted {what}"),
    "campaign.start": marked("{who} started {what}"),
    "campaign.test": marked("{who} sent a test of {what}"),
    "cdr.export": marked("{who} exported the records of calls"),
    "contact.add": marked("{who} added {what}"),
    "contact.change": marked("{who} changed {what}"),
    "contact.import": marked("{who} imported contacts"),
    "contact.remove": marked("{who} deleted {what}"),
    "contact-group.add": marked("{who} added {what}"),
    "contact-group.change": marked("{who} changed {what}"),
    "contact-group.put": marked("{who} put contacts into {what}"),
    "contact-group.remove": marked("{who} deleted {what}"),
    "contact-group.take": marked("{who} took contacts out of {what}"),
    "cover.add": marked("{who} added {what}"),
    "cover.change": marked("{who} changed {what}"),
    "cover.default": marked("{who} chose which cover page faxes have unless another is chosen"),
    "cover.remove": marked("{who} deleted {what}"),
    "destination.forget": marked("{who} forgot what was known of calls to {what}"),
    "destination.set": marked("{who} set what calls to {what} may use"),
    "did.add": marked("{who} gave the number {what}"),
    "did.change": marked("{who} changed the number {what}"),
    "did.remove": marked("{who} took away the number {what}"),
    "did.caller.add": marked("{who} added to the list of callers of {what}"),
    "did.caller.remove": marked("{who} removed from the list of callers of {what}"),
    "do-not-fax.add": marked("{who} put {what} on the do-not-fax list"),
    "do-not-fax.read-in": marked("{who} read a file into the do-not-fax list"),
    "do-not-fax.remove": marked("{who} took {what} off the do-not-fax list"),
    "draft.add": marked("{who} handed in {what}"),
    "draft.change": marked("{who} changed the resolution of {what}"),
    "draft.expire": marked("{who} let {what} expire"),
    "draft.open": marked("{who} opened {what}"),
    "draft.purge": marked("{who} destroyed {what}"),
    "draft.remove": marked("{who} removed {what}"),
    "fax.cancel": marked("{who} stopped {what}"),
    "fax.delete": marked("{who} deleted {what}"),
    "fax.undelete": marked("{who} brought back {what}"),
    "fax.forward": marked("{who} forwarded {what}"),
    "fax.mark": marked("{who} marked faxes as read or unread"),
    "fax.move": marked("{who} moved {what}"),
    "fax.open": marked("{who} opened {what}"),
    "fax.purge": marked("{who} destroyed the pages of {what}"),
    "fax.remove-records": marked("{who} removed the records of faxes"),
    "fax.receive": marked("{who} received {what}"),
    "fax.submit": marked("{who} handed in {what}"),
    "fax.thumbnails": marked("{who} looked at a list of faxes"),
    "hold.release": marked("{who} ended a legal hold of {what}"),
    "hold.set": marked("{who} set a legal hold of {what}"),
    "hours.add": marked("{who} added hours of sending"),
    "hours.clear": marked("{who} took away all hours of sending"),
    "hours.set": marked("{who} set the hours of sending"),
    "key.emergency": marked("{who} used the recovery key"),
    "key.enrol": marked("{who} got a key"),
    "key.grant": marked("{who} handed keys of mailboxes on"),
    "key.passkey-add": marked("{who} added a passkey"),
    "key.passkey-remove": marked("{who} removed a passkey"),
    "key.password": marked("{who} changed the password"),
    "key.reader-add": marked("{who} made a key for an API reader"),
    "key.reader-unlock": marked("An API reader opened what it reads"),
    "key.recovery-code": marked("{who} made another recovery code"),
    "key.reader-revoke": marked("{who} ended the key of an API reader"),
    "key.recovery-make": marked("{who} made the recovery key"),
    "key.recovery-off": marked("{who} turned the recovery key off"),
    "key.renew": marked("{who} gave mailboxes another key, in the place of one that an administrator had made"),
    "key.replace": marked("{who} got another key in the place of a lost one"),
    "key.unlock": marked("{who} gave a password or code for the key of {what}"),
    "label.add": marked("{who} put a label on faxes"),
    "label.remove": marked("{who} took a label off faxes"),
    "mailbox.add": marked("{who} added mailbox {what}"),
    "mailbox.add-member": marked("{who} let {user} read mailbox {what}"),
    "mail.words": marked("{who} changed what mails say ({what})"),
    "mail.own-words-no-more": marked("{who} had mails say again what they say without words of their own ({what})"),
    "mail.account": marked("{who} set the account by which the organisation's mail goes out"),
    "mail.no-account": marked("{who} took away the account by which the organisation's mail went out"),
    "mail.sign": marked("{who} had mail of {what} signed"),
    "mail.sign-no-more": marked("{who} had mail of {what} signed no more"),
    "mailbox.mail": marked("{who} changed how mailbox {what} is mailed"),
    "mailbox.add-recipient": marked("{who} had mailbox {what} mailed to somebody"),
    "mailbox.remove-recipient": marked("{who} had mailbox {what} mailed to somebody no more"),
    "mailbox.remove-member": marked("{who} removed {user} from mailbox {what}"),
    "number.add": marked("{who} verified the number {what}"),
    "number.remove": marked("{who} took away the verified number {what}"),
    "sign-on.set": marked("{who} set by which identity provider people may log in"),
    "sign-on.remove": marked("{who} took single sign-on away"),
    "sign-on.unlink": marked("{who} undid whom {what} is at the identity provider"),
    "quota.set": marked("{who} set a quota of {what}"),
    "quota.warn": marked("{who} told of a quota of {what} that is nearly or wholly used"),
    "retention.choose": marked("{who} chose how long faxes of {what} are kept"),
    "retention.set-bounds": marked("{who} set for how long faxes may and must be kept"),
    "second-factor.off": marked("{who} turned the second factor off"),
    "second-factor.on": marked("{who} turned the second factor on"),
    "session.begin": marked("{who} logged in"),
    "session.open": marked("{who} showed who they are, after single sign-on"),
    "session.end": marked("{who} ended a session"),
    "tenant.add": marked("{who} added {what}"),
    "tenant.change": marked("{who} changed settings of {what}"),
    "webhook.change": marked("{who} changed {what}"),
    "webhook.make": marked("{who} added {what}"),
    "webhook.remove": marked("{who} deleted {what}"),
    "webhook.resend": marked("{who} had {what} told something once more"),
    "webhook.rotate": marked("{who} made another secret for {what}"),
    "webhook.test": marked("{who} had {what} told something as a test"),
    "webhook.turn-off": marked("{who} turned {what} off"),
    "user.add": marked("{who} added {what}"),
    "user.change": marked("{who} changed what {what} may do"),
    "user.invite": marked("{who} made a link by which {what} chooses a password"),
    "user.language": marked("{who} chose the language of their pages"),
    "user.mail-results": marked("{who} chose of which of their faxes they get a mail"),
    "user.mail-answers": marked("{who} chose how mails are answered that become their faxes"),
    "user.mail-pin": marked("{who} gave {what} a PIN for mails, or took it away"),
    "user.mail-pin-tried": marked("Somebody sent a mail in the name of {what} with a wrong PIN"),
    "user.mail-sender-add": marked("{who} let {what} fax from another e-mail address"),
    "user.mail-sender-remove": marked("{who} let {what} fax from an e-mail address no more"),
    "user.mail-token": marked("{who} gave {what} a secret address for machines, or took it away"),
    "user.time-zone": marked("{who} chose the time zone of their pages"),
}
_OTHER = marked("{who}: {action}, {what}")
_WHO = {
    "switch": marked("The switch {name}"),
    "node": marked("The machine {name}"),
    "administrator": marked("An operator ({name})"),
    "worker": marked("The worker"),
    "purge": marked("Purge"),
    "cron": marked("The system"),
    "system": marked("The system"),
    "nobody": marked("Somebody"),
}
_WHAT = {
    "api-key": marked("API key {name}"),
    "fax": marked("fax {name}"),
    "draft": marked("draft {name}"),
    "contact": marked("contact {name}"),
    "contact-group": marked("group {name}"),
    "cover": marked("cover page {name}"),
    "campaign": marked("campaign {name}"),
    "session": marked("session {name}"),
    "key": marked("key {name}"),
    "user": marked("user {name}"),
    "mailbox": marked("mailbox {name}"),
    "webhook": marked("webhook {name}"),
    "tenant": marked("your organisation"),
}
_RESULTS = {
    "refused": marked("{sentence}: this was refused"),
    "failed": marked("{sentence}: this failed"),
}
_HOW = {
    "password": marked("logged in with a password"),
    "password+totp": marked("logged in with a password and a code"),
    "passkey": marked("logged in with a passkey"),
    "recovery-code": marked("with the recovery code"),
    "single-sign-on": marked("logged in by single sign-on"),
    "invitation": marked("by an invitation"),
    "machine-account": marked("with an account of the machine"),
    "api-key": marked("by API key {name}"),
}


def sentence(row: Row, names: Mapping[str, str], country: str) -> str:
    """What happened. names: as audit_entries.names has them. country: of whoever reads numbers."""
    said = _(_ACTS.get(row["action"], _OTHER)).format(
        who=who(row["actor"], names),
        what=what(row["object"], names, country),
        user=what(str(row["details"].get("user", "")), names, country),
        action=row["action"],
    )
    return _(_RESULTS[row["result"]]).format(sentence=said) if row["result"] in _RESULTS else said


def whence(row: Row) -> str:
    """From where, and how they were authenticated; empty where neither is known."""
    parts = [_("from {address}").format(address=row["address"])] if row["address"] else []
    if row["authenticated"]:
        kind, _colon, name = row["authenticated"].partition(":")
        parts.append(_(_HOW[kind]).format(name=name) if kind in _HOW else row["authenticated"])
    return ", ".join(parts)


def who(actor: str, names: Mapping[str, str]) -> str:
    """Who did it."""
    kind, _colon, name = actor.partition(":")
    if actor in names:
        return names[actor]
    return _(_WHO[kind]).format(name=name) if kind in _WHO else actor


def what(thing: str, names: Mapping[str, str], country: str) -> str:
    """What it was done to."""
    kind, _colon, name = thing.partition(":")
    if thing in names:
        return names[thing]
    if kind in ("number", "did", "destination") and name.startswith("+"):
        return numbers.readable(name, country)
    return _(_WHAT[kind]).format(name=name) if kind in _WHAT and name else name or thing
