"""The trail's table: rows are only ever added."""

from sqlalchemy import Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from appliance.foundation.orm import At, Base, Id, OrgId, Tx


class AuditEntry(Base):
    """
    One entry. `body` is the exact RFC 8785 text that will be chained; the columns beside it only index it.

    A trigger refuses UPDATE and DELETE, and no role but the owner is granted them.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "org_id", "tx", "id"), Index(None, "org_id", "action", "at"))

    org_id: Mapped[OrgId]
    id: Mapped[Id]
    tx: Mapped[Tx]
    at: Mapped[At]
    action: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
