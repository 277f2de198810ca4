"""How slots are shared out among tenants who want more than there are. Pure.

A tenant's share is an equal part of the slots. Who holds less, or less than another one by two slots, is *behind*: it
gets any free slot. Who is not gets one only where others have room left: the head-room, and a slot for each tenant that
was refused while it was behind and is about to ask again. Where there is no slot for one that is behind, the tenant
that holds the most is to give one back. So no slot lies idle that somebody wants, and what tenants hold draws level
("max-min fairness": Bertsekas and Gallager, Data Networks, 6.5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What becomes of a claim; the refusals by their codes."""

    ADMITTED = ""
    FULL = "AT_CAPACITY"
    SHARE_USED = "SHARE_USED"
    TENANT_LIMIT = "TENANT_LIMIT"


@dataclass(frozen=True, slots=True)
class Claim:
    """One tenant's request for one more slot, and how the slots are held."""

    total: int  # slots that it may have one of
    used: int  # of all slots
    held: int  # by the tenant
    tenants: int = 1  # that hold slots or asked for one of late, this one included
    reserved: int = 0  # of `total`: for sessions that resume, of tenants that are behind
    waiting: int = 0  # others: refused while they were behind, about to ask again
    most: int = 0  # that another tenant holds


@dataclass(frozen=True, slots=True)
class FairShares:
    """The policy: `headroom` slots are for tenants that are behind, `most` is what one tenant may hold at all."""

    headroom: int = 0
    most: int | None = None

    def share(self, claim: Claim) -> int:
        """The slots a tenant gets though others want them, at least one."""
        return max(1, (claim.total - self.headroom) // max(1, claim.tenants))

    def behind(self, claim: Claim) -> bool:
        """Whether the tenant holds less than its share, or than another one even with one slot more."""
        return claim.held < self.share(claim) or claim.held + 2 <= claim.most

    def verdict(self, claim: Claim) -> Verdict:
        """Decide whether a claim is granted."""
        free = claim.total - claim.used
        if self.most is not None and claim.held >= self.most:
            return Verdict.TENANT_LIMIT
        if free <= 0:
            return Verdict.FULL
        if self.behind(claim) or free > claim.reserved + self.headroom + claim.waiting:
            return Verdict.ADMITTED
        return Verdict.SHARE_USED
