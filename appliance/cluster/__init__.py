"""Owns nodes, their roles and backups. Nothing is built here yet."""
