"""Owns hosts, owners and criticality. Nothing is built here yet."""
