"""
The wire protocols that hosts and shippers already speak.

A receiver frames bytes, calls `Intake.accept` once per batch and puts the receipt into its protocol's words.
It parses no event, authenticates nobody and stores nothing; what each transport acknowledges is written in
docs/telemetry.md. `http` builds the ingest application, `listeners` the syslog family.
"""
