"""Owns response actions, playbooks, approvals and rollback. Nothing is built here yet."""
