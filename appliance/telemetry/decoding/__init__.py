"""
Turns what arrived into normalised events.

This package owns every wire and file format the appliance reads: which one a body is (`detect`), where
each event's original lies in it, and how its fields are spelled under Sigma's taxonomy. It is pure: no
network, no database, no clock, and no exception for any input. `registry` is the way in.
"""
