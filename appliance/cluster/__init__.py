"""Owns nodes, their roles and backups. Built: what the states of its members mean (`members`)."""
