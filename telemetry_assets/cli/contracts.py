"""``telemetry contracts list|validate|diff|update``: the folder of contracts.

What belongs here: options and exits. What does not: judging (``contracts/``), git (``sources/git.py``), drawing.
"""
