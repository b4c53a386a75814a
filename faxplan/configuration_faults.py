"""Calls that ended by what the operator has configured, or has not: counted for the doctor, told to administrators.

Nothing that a number does ends a call so (failure_rules.OPERATORS), nor a carrier but one that wants another password,
or to be paid.
"""

from faxplan import failure_rules, notices
from faxplan.call_result import CallResult
from faxplan.db import Row, Transaction
from faxplan.failure_rules import OPERATORS
from faxplan.language import _, marked

HOURS = 24
_KEPT_DAYS = 7
_LOOK_AT = {
    "401": marked(
        "Are the trunk's user name and password those that the carrier gave? `faxplan trunk set` changes them."
    ),
    "402": marked("Does the carrier want to be paid? `faxplan trunk state` has what it said."),
    "407": marked(
        "Are the trunk's user name and password those that the carrier gave? `faxplan trunk set` changes them."
    ),
    "USER_CHALLENGE": marked("Has the trunk a user name and a password? The carrier wants some: `faxplan trunk set`."),
    "INVALID_GATEWAY": marked(
        "Does FreeSWITCH's profile read the folder of the setting gateway_dir? `sofia status gateway` "
        "shows which gateways it has; its log says why one was not taken up."
    ),
    "INVALID_PROFILE": marked("Does FreeSWITCH have the profile of the setting sip_profile? `sofia status` shows all."),
    "INVALID_URL": marked("Which of the trunk's values makes no dial string? `faxplan route explain` shows it."),
    "CHAN_NOT_IMPLEMENTED": marked("Is mod_sofia loaded? `module_exists mod_sofia`; it stands in modules.conf.xml."),
    "MANDATORY_IE_MISSING": marked(
        "Which of the trunk's values is missing? `faxplan route explain` shows the dial string."
    ),
    "unsafe-dial-string": marked("Which of the trunk's values cannot be dialled? `faxplan route explain` names it."),
    "spool-failed": marked(
        "Can the node write its spool (setting spool_dir), and has that room? `faxplan doctor` there says."
    ),
}
"""By cause: what to look at."""


def note(
    tx: Transaction,
    tenant_id: int,
    fax_id: int,
    node: str | None,
    trunk_id: int | None,
    result: CallResult,
    *,
    waits: bool,
) -> None:
    """Counts a call of a fax (role switch); where the fax waits for it, tells the tenant's administrators, unless they
    were told so in the last day.

    node, trunk_id: None where it had none. waits: it does not go through another trunk.
    """
    condition = _condition(result)
    tx.later(
        """insert into configuration_faults as c (hour, node, trunk, condition, calls)
           values (date_trunc('hour', now()), %s, coalesce((select name from trunks where id = %s), ''), %s, 1)
           on conflict on constraint configuration_faults_pkey do update set calls = c.calls + 1""",
        (node or "", trunk_id, condition),
    )
    tx.later("delete from configuration_faults where hour < now() - make_interval(days => %s)", (_KEPT_DAYS,))
    if not waits:
        return
    notices.alert_administrators(
        tx,
        tenant_id,
        fax_id,
        _(
            "Faxes of your organisation are not dialled, because the fax server is not set up for it ({condition}). "
            "They are tried again for some time; tell whoever runs it (`faxplan doctor` says more)."
        ).format(condition=condition),
    )


def lately(tx: Transaction) -> list[Row]:
    """node, trunk (empty: none), condition and calls of the last HOURS hours, the most calls first (role admin)."""
    return tx.rows(
        """select node, trunk, condition, sum(calls)::integer as calls from configuration_faults
           where hour > now() - make_interval(hours => %s) group by node, trunk, condition
           order by calls desc, node, trunk, condition""",
        (HOURS,),
    )


def what_to_look_at(condition: str) -> str:
    """In words, for the operator."""
    known = _LOOK_AT.get(condition.partition(":")[2])
    return _("See FreeSWITCH's log of such a call: `faxplan show` has its id.") if known is None else _(known)


def _condition(result: CallResult) -> str:
    """The one that has such a rule; else, where an administrator has given it to another, how the call ended."""
    ended = failure_rules.conditions(result)
    shipped = (each for each in ended if failure_rules.SHIPPED.get(each, failure_rules.UNKNOWN).name in OPERATORS)
    return next(shipped, ended[-1])
