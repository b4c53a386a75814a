"""Entry for calls that come in: `<action application="python" data="fax_in"/>`. Leads to the release in force."""

import faxplan_releases

handler = faxplan_releases.led("fax_in", "handler")
