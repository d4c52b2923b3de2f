"""Owns reports, evidence packs and retention schedules for auditors. Nothing is built here yet."""
