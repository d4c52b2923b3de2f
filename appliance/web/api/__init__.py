"""JSON controllers of the REST API v1, one file per domain."""
