"""Measure pairs of cases in turn, A B A B, and write benchmarks/results.md.

    python -m benchmarks [--only training] [--rounds 3]

With --only the table is printed and the file stays as it is: all its rows come from one run. Each run is a fresh
process; quoted are medians, and the ratio pair by pair: it holds when the machine's speed drifts.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.cases import PAIRS, Pair
from lib.files import ROOT, writing
from lib.run import versions

RESULTS = ROOT / "benchmarks" / "results.md"


@dataclass(frozen=True)
class Run:
    """One process's measurement."""

    rate: float  # units a second
    memory: float  # peak, MiB


def measure(pair: str, case: str) -> Run:
    """Run one case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks", "--case", pair, case]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{pair}, {case}: failed\n{done.stderr[-2000:]}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def run_case(pair: str, case: str) -> None:
    """What the process of `measure` does: prints the measurement as its last line."""
    work = getattr(PAIRS[pair], case).run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(json.dumps({"rate": work.amount / work.seconds, "memory": peak}))


def compare(name: str, pair: Pair, rounds: int) -> list[str]:
    """Measure both cases in turn; returns the rows of the table."""
    measured: dict[str, list[Run]] = {"first": [], "second": []}
    for number in range(rounds):
        for case, runs in measured.items():
            runs.append(measure(name, case))
            print(
                f"{name} {number + 1}/{rounds}: {getattr(pair, case).name}, {runs[-1].rate:,.0f} {pair.unit}/s",
                flush=True,
            )
    ratios = [a.rate / b.rate for a, b in zip(measured["first"], measured["second"], strict=True)]
    rows = []
    for case, runs in measured.items():
        rates = [r.rate for r in runs]
        ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})" if case == "first" else "1"
        rows.append(
            f"| {pair.title} | {getattr(pair, case).name} | {statistics.median(rates):,.0f} {pair.unit}/s "
            f"| {min(rates):,.0f} to {max(rates):,.0f} | {ratio} | {max(r.memory for r in runs):,.0f} MiB |"
        )
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(PAIRS), default=list(PAIRS), help="pairs to measure")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case (default %(default)s)")
    parser.add_argument("--case", nargs=2, metavar=("PAIR", "CASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        return run_case(*arguments.case)
    if arguments.rounds < 1:
        parser.error(f"--rounds is {arguments.rounds}: measure at least once")
    rows = [row for name in arguments.only for row in compare(name, PAIRS[name], arguments.rounds)]
    packages = ", ".join(f"{name} {version}" for name, version in versions().items())
    text = "\n".join(
        [
            "# Benchmarks",
            "",
            f"{date.today()}, {_processor()}, {os.cpu_count()} cores, {platform.system()},",
            f"Python {platform.python_version()}, {packages}.",
            f"Medians of {arguments.rounds} runs taken in turn, each in a fresh process, loading not counted.",
            "Made by `make bench`.",
            "",
            "| what | how | rate | from, to | times as fast | peak memory |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
    if set(arguments.only) == set(PAIRS):
        with writing(RESULTS) as aside:
            aside.write_text(text, encoding="utf-8")
    print(text)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
