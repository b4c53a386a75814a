"""Entry for calls that go out: `&python(fax_out <attempt> <release>)`, and their hook `fax_out::settle`.

Both lead to the release that has dialled, and to the one in force where that is gone.
"""

import faxplan_releases

handler = faxplan_releases.led("fax_out", "handler")
settle = faxplan_releases.led("fax_out", "settle")
