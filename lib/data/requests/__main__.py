"""Check hand-written requests: python -m lib.data.requests [FILE ...]

Says for each line what must be mended (exit code 1) and what somebody should look at; without a file, for all. With
--freeze, all that are new get a split that they keep.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from lib.data.requests import FOLDER, load, splits
from lib.data.requests.check import alike, faults, notes
from lib.errors import CourseError


def main(arguments: list[str] | None = None) -> int:
    """Check the files; 0 if nothing must be mended, 1 if something must, 2 if a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m lib.data.requests", description=__doc__.split("\n\n")[1])
    parser.add_argument("files", nargs="*", type=Path, help="files of requests; all of the folder if none is named")
    parser.add_argument("--quiet", action="store_true", help="leave out what only should be looked at")
    parser.add_argument("--freeze", action="store_true", help="give each request that is new a split; all files")
    options = parser.parse_args(arguments)
    if options.freeze and options.files:
        parser.error("--freeze is for all files: name none")
    paths = options.files or sorted(FOLDER.glob("*.jsonl"))
    try:
        found = {path: load(path) for path in paths}
    except CourseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Error: {error.filename}: cannot be read ({error.strerror}); name a file of requests", file=sys.stderr)
        return 2
    if empty := [path for path, requests in found.items() if not requests]:
        print(f"Error: {empty[0]}: holds no request; write a JSON object on each line", file=sys.stderr)
        return 2
    bad = 0
    for path, requests in found.items():
        for number, asked in enumerate(requests, 1):
            wrong = faults(asked)
            bad += bool(wrong)
            for said in [
                *(f"MEND  {w}" for w in wrong),
                *([] if options.quiet else (f"look  {n}" for n in notes(asked))),
            ]:
                print(f"{path.name}:{number}: {said}")
    everybody = [asked for requests in found.values() for asked in requests]
    pairs = alike(everybody)
    for one, two, why in pairs:
        print(f"MEND  {one.sitting} {one.request[:70]!r} and {two.sitting} {two.request[:70]!r}: {why}")
    print(f"{len(everybody)} requests, {bad} to mend, {len(pairs)} pairs alike")
    if options.freeze and not (bad or pairs):
        counts = Counter(split for split, _ in splits.freeze(everybody).values())
        print(f"{splits.PATH.name}: {', '.join(f'{n} {name}' for name, n in counts.items())}")
    return int(bool(bad or pairs))


if __name__ == "__main__":
    sys.exit(main())
