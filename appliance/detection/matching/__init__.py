"""
The matcher: every event against every rule without looking at rules one by one.

Route by kind, channel and event id; per field one multi-pattern scan of each distinct value gives a
mask of the conjunctions it satisfies; the AND of the masks is the answer.
"""
