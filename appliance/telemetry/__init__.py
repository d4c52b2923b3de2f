"""
Owns events: sources and their tokens, decoding every wire format into one normalised event, the
event store, the spool and the quarantine.
"""
