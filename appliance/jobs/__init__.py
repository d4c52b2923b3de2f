"""One long-running process per module: ingest, detect, scheduler, reactions."""
