"""What administrators decide about single sign-on: which identity provider, and whom it stands for.

Each function is one transaction (role admin) with its audit row in the tenant's chain. `slug` and `actor` as in
provisioning.
"""

from faxplan import audit, identity_providers, single_sign_on, tenants
from faxplan.audit import Who
from faxplan.db import Database
from faxplan.errors import NotFound
from faxplan.identity_providers import Provider
from faxplan.language import _
from faxplan.web_client import WebClient


def put(admin: Database, actor: Who, slug: str, provider: Provider, client: WebClient) -> None:
    """Sets a tenant's, once it answers as one. Raises AddressRefused and SignOnRefused."""
    single_sign_on.check(client, provider)
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        identity_providers.put(tx, tenant.id, provider)
        audit.record(
            tx, tenant.id, actor=actor, action="sign-on.set", object=f"tenant:{tenant.id}", issuer=provider.issuer,
            client_id=provider.client_id, secret=bool(provider.client_secret), trusts_email=provider.trusts_email,
        )  # fmt: skip


def remove(admin: Database, actor: Who, slug: str) -> None:
    """Nobody logs in by it any more; sessions go on. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        if not identity_providers.remove(tx, tenant.id):
            raise NotFound(_("There is no single sign-on to take away."))
        audit.record(tx, tenant.id, actor=actor, action="sign-on.remove", object=f"tenant:{tenant.id}")


def unlink(admin: Database, actor: Who, slug: str, user_id: int) -> None:
    """Whoever comes next with this user's address is the user. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        if not identity_providers.unlink(tx, tenant.id, user_id):
            raise NotFound(_("This user has not logged in by single sign-on."))
        audit.record(tx, tenant.id, actor=actor, action="sign-on.unlink", object=f"user:{user_id}")
