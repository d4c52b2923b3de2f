"""
What every domain stands on: actors, database, errors, clock, settings, sealing, feed, queue,
outbox, observability. Knows no domain.
"""
