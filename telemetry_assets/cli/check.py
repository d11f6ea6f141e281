"""The command ``check``: run checks, or the whole guard, and end with a code one can trust.

What belongs here: options, and what to run. What does not: running (``defs/checking.py``, ``guarding.py``), drawing.
"""
