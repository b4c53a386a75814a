"""How many requests an API key may make in a minute, and how many it has left (role portal, within a tenant)."""

from dataclasses import dataclass

from faxplan.db import Transaction

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """limit: requests in a window. used: with this one. resets_in: seconds until the next window begins."""

    limit: int
    used: int
    resets_in: int

    @property
    def left(self) -> int:
        """Requests that may still be made in this window."""
        return max(0, self.limit - self.used)

    @property
    def is_exceeded(self) -> bool:
        """Whether this request is one too many."""
        return self.used > self.limit


def count(tx: Transaction, tenant_id: int, key_id: int, limit: int) -> Rate:
    """Counts a request of a key."""
    row = tx.one(
        f"""insert into api_use as u (tenant_id, key_id, began_at, requests) values (%s, %s, now(), 1)
            on conflict on constraint api_use_pkey do update set
                began_at = case when u.began_at > now() - interval '{WINDOW_SECONDS} seconds' then u.began_at
                                else now() end,
                requests = case when u.began_at > now() - interval '{WINDOW_SECONDS} seconds' then u.requests + 1
                                else 1 end
            returning requests, ceil(extract(epoch from began_at - now()) + {WINDOW_SECONDS})::integer as resets_in""",
        (tenant_id, key_id),
    )
    return Rate(limit, row["requests"], max(1, row["resets_in"]))
