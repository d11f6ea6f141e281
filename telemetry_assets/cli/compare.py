"""``telemetry contracts compare``: two versions of a schema held against each other.

What belongs here: the option and exit of that one command. What does not: comparing (``contracts/compare.py``).
"""
