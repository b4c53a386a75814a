"""All mails of the corpus: what has to come of each is the right fax, or the right answer."""

from tests.mail_corpus.damage import BROKEN
from tests.mail_corpus.forwards import FORWARDS
from tests.mail_corpus.machines import AUTOMATIC
from tests.mail_corpus.names import NAMES
from tests.mail_corpus.programs import PROGRAMS
from tests.mail_corpus.proofs import PROOFS
from tests.mail_corpus.senders import SENDERS
from tests.mail_corpus.sizes import HOSTILE
from tests.mail_corpus.texts import TEXTS

ALL = [*PROGRAMS, *FORWARDS, *NAMES, *TEXTS, *BROKEN, *SENDERS, *PROOFS, *AUTOMATIC, *HOSTILE]
