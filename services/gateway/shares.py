"""How slots are shared out among tenants who want more than there are. Pure.

A tenant's share is an equal part of the slots. Who holds less gets any free slot; who holds as much or more gets one
only where others have room left: the head-room, and a slot for each tenant that was refused below its share and is
about to ask again.
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
    """A tenant asks for one more slot."""

    total: int  # slots that it may have one of
    used: int  # of all slots
    held: int  # by the tenant
    tenants: int = 1  # that hold slots or asked for one of late, this one included
    reserved: int = 0  # of `total`: for sessions that resume, of tenants below their share
    waiting: int = 0  # of the others: refused below their share, about to ask again


@dataclass(frozen=True, slots=True)
class FairShares:
    """The policy: `headroom` slots are for tenants below their share, `most` is what one tenant may hold at all."""

    headroom: int = 0
    most: int | None = None

    def share(self, claim: Claim) -> int:
        """The slots a tenant gets though others want them, at least one."""
        return max(1, (claim.total - self.headroom) // max(1, claim.tenants))

    def below(self, claim: Claim) -> bool:
        """Whether the tenant holds less than its share."""
        return claim.held < self.share(claim)

    def verdict(self, claim: Claim) -> Verdict:
        """Whether the claim is granted."""
        free = claim.total - claim.used
        if self.most is not None and claim.held >= self.most:
            return Verdict.TENANT_LIMIT
        if free <= 0:
            return Verdict.FULL
        if self.below(claim) or free > claim.reserved + self.headroom + claim.waiting:
            return Verdict.ADMITTED
        return Verdict.SHARE_USED
