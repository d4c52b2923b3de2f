"""
Owns incidents: grouping findings by shared entities, the life cycle, notes, timeline and pinned
evidence, and why an incident exists.
"""
