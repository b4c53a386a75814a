"""Faxes in the state that a test starts from, made without rendering."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

from PIL import Image, ImageDraw

from faxplan import accepting, claims, deadlines, documents, queue, quotas
from faxplan.accepting import Accepted, IncomingCall, Node
from faxplan.claims import ClaimedFax
from faxplan.invite import Invite
from faxplan.lookups import Caller
from faxplan.pending import Pending
from faxplan.spool import InboundSidecar
from faxplan.ways import Ways
from tests.world import Office, World

NUMBER = "+493099001234"
NODE = Node("node1", "switch-1", max_channels=100, lease_seconds=600)


def fax_tiff(path: Path, pages: int) -> Path:
    """A TIFF that txfax takes and rxfax could have written: A4, fine."""
    images = []
    for number in range(1, pages + 1):
        image = Image.new("1", (1728, 400), 1)
        ImageDraw.Draw(image).rectangle((100 * number, 60, 100 * number + 60, 300), fill=0)
        images.append(image)
    images[0].save(path, save_all=True, append_images=images[1:], compression="group4", dpi=(204, 196))
    return path


def queued(
    world: World, office: Office, *, pages: int = 3, number: str = NUMBER, priority: int = 100, due_in: float = 0
) -> int:
    """The id of a rendered fax that waits for a call, due in so many seconds."""
    file = world.settings.state_dir.parent / f"pages-{pages}.tif"
    if not file.exists():
        fax_tiff(file, pages)
    made = world.seal(file, office)
    tenant_id = office.tenant.id
    with world.portal.tenant(tenant_id) as tx:
        document = documents.record(tx, world.to_send(tx, made), media_type="image/tiff", pages=pages)
        rendering = tx.value(
            """insert into renderings (tenant_id, original_id, resolution, state, document_id)
               values (%s, %s, 'fine', 'rendered', %s) returning id""",
            (tenant_id, document, document),
        )
        fax_id = int(
            tx.value(
                """insert into faxes (tenant_id, direction, state, user_id, mailbox_id, called_number, calling_number,
                                      rendering_id, resolution, pages, priority, reserved_pages)
                   values (%s, 'outbound', 'accepted', %s, %s, %s, %s, %s, 'fine', %s, %s, %s) returning id""",
                (
                    tenant_id,
                    office.user.id,
                    office.user.mailbox_id,
                    number,
                    office.did,
                    rendering,
                    pages,
                    priority,
                    pages,
                ),
            )
        )
        deadlines.begin(tx, tenant_id, fax_id)
        quotas.reserve(tx, tenant_id, office.user.id, pages)
        queue.enqueue(tx, tenant_id, fax_id, pages_done=0, delay_seconds=due_in, explanation=None)
    return fax_id


def claim(world: World, most: int = 16, **limits: Any) -> list[ClaimedFax]:
    """What a node takes to dial. limits: as `whole_claim` has them."""
    return list(whole_claim(world, most, **limits).faxes)


def whole_claim(
    world: World,
    most: int = 16,
    *,
    node: str = "node1",
    max_calls: int = 1000,
    lease_seconds: int = 600,
    calls_to_one_number: int = 1000,
    ways: Ways | None = None,
    tests_first: bool = False,
) -> claims.Claim:
    """What a node takes to dial, and when it looks again."""
    with world.switch.across_tenants() as tx:
        return claims.claim_faxes(
            tx,
            node=node,
            switch_uuid="switch-1",
            most=most,
            max_calls=max_calls,
            lease_seconds=lease_seconds,
            calls_to_one_number=calls_to_one_number,
            ways=ways,
            tests_first=tests_first,
        )


def due_now(world: World) -> None:
    """Lets every retry be dialled at once."""
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now()")


def accepted(
    world: World, office: Office, uuid: str, *, switch_uuid: str = "switch-1", node: str = "node1", **caller: str
) -> InboundSidecar:
    """A call for this office's DID that was let in. caller: calling, calling_name."""
    said = invite(office.did, caller.get("calling", NUMBER), caller.get("calling_name", ""))
    here = replace(NODE, name=node, switch_uuid=switch_uuid)
    decision = accepting.accept(world.switch, world.spool, IncomingCall(uuid, "127.0.0.1", said), here, Caller())
    assert isinstance(decision, Accepted), decision
    return decision.sidecar


def invite(called: str, calling: str | None, name: str = "", **headers: str | None) -> Invite:
    """What an INVITE for `called` says. headers: the other fields of Invite."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return Invite(
        **{
            "request_uri": f"sip:{called}@127.0.0.1:5090",
            "request_user": called,
            "to": f"<sip:{called}@127.0.0.1>",
            "sender": None if calling is None else f'"{quoted}" <sip:{calling}@carrier.example>;tag=1',
            **headers,
        }  # type: ignore[arg-type]
    )


def pending_folder(world: World) -> Pending:
    """pending/ of this world, made."""
    pending = Pending(world.settings.pending, world.store.confinement)
    pending.prepare()
    return pending


def audited(world: World, office: Office) -> list[str]:
    """The actions in a tenant's audit, in order."""
    with world.portal.tenant(office.tenant.id) as tx:
        return [row["action"] for row in tx.rows("select action from audit order by sequence")]


def noticed(world: World, office: Office) -> list[str]:
    """The kinds of a tenant's notices, in order."""
    with world.portal.tenant(office.tenant.id) as tx:
        return [row["kind"] for row in tx.rows("select kind from notices order by id")]


def in_threads(*tasks: Callable[[], object]) -> list[object]:
    """Runs all at once; their results, in order. What one raises is raised here."""
    start = Barrier(len(tasks))

    def run(task: Callable[[], object]) -> object:
        start.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))
