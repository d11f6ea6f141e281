"""What every benchmark shares: time a whole command, and print ours beside its rival's.

What belongs here: timing and reporting. What does not: any one benchmark's data.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from statistics import median


def command_seconds(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    exits: Collection[int] = (0,),
) -> float:
    """The wall time of one whole command. Raises RuntimeError with its output where its exit is not among ``exits``."""
    started = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in exits:
        raise RuntimeError(f"{argv} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return seconds


def side_by_side(ours: Callable[[], float], rival: Callable[[], float], rounds: int) -> tuple[float, float]:
    """The medians of both, run in turn so that a busy machine hurts them alike; one unmeasured run each first."""
    ours(), rival()
    pairs = [(ours(), rival()) for _ in range(rounds)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def report(
    name: str,
    ours_seconds: float,
    rival_seconds: float,
    target: float,
    higher_is_better: bool = True,
    json_mode: bool = False,
) -> bool:
    """Print one comparison; True where it holds.

    ``higher_is_better``: the ratio is rival / ours ("35× faster") and holds at ``target`` or above; else it is
    ours / rival ("at most 1.2×") and holds at ``target`` or below.
    """
    ratio = rival_seconds / ours_seconds if higher_is_better else ours_seconds / rival_seconds
    holds = ratio >= target if higher_is_better else ratio <= target
    sign = "≥" if higher_is_better else "≤"
    if json_mode:
        values = {"name": name, "ours": round(ours_seconds, 4), "rival": round(rival_seconds, 4)}
        verdict = {"ratio": round(ratio, 3), "sign": sign, "target": target, "holds": holds}
        print(json.dumps({**values, **verdict}, ensure_ascii=False))
    else:
        print(f"{name}\n  ours {ours_seconds:.3f} s   rival {rival_seconds:.3f} s   ", end="")
        print(f"ratio {ratio:.2f}× (target {sign} {target:g}×)   {'holds' if holds else 'DOES NOT HOLD'}")
    sys.stdout.flush()
    return holds
