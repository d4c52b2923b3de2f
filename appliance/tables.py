"""Imports every domain's tables, so that one metadata knows them all (Alembic, foreign keys by name)."""
