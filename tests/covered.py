"""Faxes with a cover page."""

from pathlib import Path

from faxplan import drafts
from faxplan.covers import Wanted
from faxplan.originals import HandedIn
from faxplan.recipients import Recipients
from faxplan.rendering import Resolution
from tests.world import World


def send_with_cover(world: World, document: Path, number: str, resolution: Resolution = Resolution.FINE) -> int:
    """A fax of acme's whose pages and cover are made, and which waits for its call; its id."""
    user = world.acme.user
    draft = drafts.make(world.portal, world.store, user, HandedIn(document, document.name, resolution))
    to = Recipients([number], cover=Wanted(to_name="Bea", subject="Figures", message="Look at page two."))
    (fax,) = drafts.send(world.portal, world.store, user, draft.id, to)
    world.render_all()
    return fax.fax_id
