"""The whole fault campaign: measured, written into docs/reliability.md, and printed.

Run: python -m tests.faults.report

What belongs here: starting it. Every worker of the campaign imports this file once more, so it imports nothing itself.
"""


def main() -> None:
    """See :mod:`tests.faults.figures`."""
    from tests.faults import figures

    figures.main()


if __name__ == "__main__":
    main()
