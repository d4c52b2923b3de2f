"""
From Sigma text to our own tree: pySigma parses, everything that decides a match is ours.

pySigma never downloads anything here: its ATT&CK and D3FEND validators are not imported.
"""
