"""
Owns rules and findings: Sigma parsing, the compiled rule set, the matcher, the pipeline every event
passes, and the load report that explains each rule that is not active.
"""
