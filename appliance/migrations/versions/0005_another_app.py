"""Another authenticator app can be set up while the one before it still counts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("totp_factors", sa.Column("next_secret", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("totp_factors", "next_secret")
