"""Alembic migrations. Stands apart from the layers: it reads `tables`, and nothing imports it but the CLI."""
