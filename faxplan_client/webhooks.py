"""Webhooks, as a part of a client: programs that are told of what becomes of faxes."""

from collections.abc import Iterable, Iterator

from faxplan_client import answers
from faxplan_client.answers import Webhook, WebhookDelivery, WebhookWithSecret
from faxplan_client.connection import Connection


class Webhooks:
    """`client.webhooks`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> list[Webhook]:
        """Those that the user looks after."""
        return self._connection.get(answers.Webhooks, "/webhooks").webhooks

    def get(self, webhook: int) -> Webhook:
        """How it stands with one."""
        return self._connection.get(Webhook, f"/webhooks/{webhook}")

    def make(
        self, address: str, *, description: str = "", types: Iterable[str] | None = None, own_only: bool = False
    ) -> WebhookWithSecret:
        """One more. Its secret is shown this once. types: of events; None: that a fax has ended, or came in."""
        given = {"address": address, "description": description, "own_only": own_only}
        more = {} if types is None else {"types": [*types]}
        return self._connection.do(WebhookWithSecret, "POST", "/webhooks", given | more)

    def change(
        self, webhook: int, *, address: str | None = None, description: str | None = None,
        types: Iterable[str] | None = None, enabled: bool | None = None,
    ) -> Webhook:  # fmt: skip
        """What is named is another from now on."""
        given = {
            "address": address, "description": description, "types": None if types is None else [*types],
            "enabled": enabled,
        }  # fmt: skip
        asked = {name: value for name, value in given.items() if value is not None}
        return self._connection.do(Webhook, "PATCH", f"/webhooks/{webhook}", asked)

    def delete(self, webhook: int) -> None:
        """Nothing is told there any more."""
        self._connection.act("DELETE", f"/webhooks/{webhook}")

    def rotate_secret(self, webhook: int) -> WebhookWithSecret:
        """Another secret, beside the one before for a day."""
        return self._connection.do(WebhookWithSecret, "POST", f"/webhooks/{webhook}/secret")

    def test(self, webhook: int) -> WebhookDelivery:
        """Tells it of nothing: does it hear?"""
        return self._connection.do(WebhookDelivery, "POST", f"/webhooks/{webhook}/test")

    def deliveries(self, webhook: int, *, state: str | None = None, part: int = 50) -> Iterator[WebhookDelivery]:
        """What it was told in 30 days, or is to be, newest first."""
        for page in self._connection.pages(
            answers.WebhookDeliveries, f"/webhooks/{webhook}/deliveries", lambda each: each.next, state=state,
            limit=part,
        ):  # fmt: skip
            yield from page.deliveries

    def resend(self, delivery: int) -> WebhookDelivery:
        """Tells it once more."""
        return self._connection.do(WebhookDelivery, "POST", f"/webhooks/deliveries/{delivery}/resend")
