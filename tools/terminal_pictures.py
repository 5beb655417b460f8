"""Draw what commands print, as a terminal shows it, for the READMEs.

    python -m tools.terminal_pictures

A command runs in a folder with a made-up trail in logs/ and two small policies. Run it when what it prints has changed.
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.text import Text

from iamtrail import trail
from lib.files import ROOT, shown, write_text

PICTURES = {  # file -> the command that it shows, characters of a line
    "packages/iamintent/intent.svg": (
        'iam-intent "invoke the Lambda function resize in Frankfurt, and send messages to the SQS queue jobs"',
        108,
    ),
    "packages/iamtrail/draft.svg": ("iam-trail draft logs/ --role shop-lambda --by prefix", 108),
    "packages/iampolicy/findings.svg": ("iam-policy policy.json --explain --diff old.json", 146),
}
UPLOADS = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::photos/*"}
AT_HOME = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
POLICIES = {  # file -> statements
    "old.json": [UPLOADS],
    "policy.json": [
        UPLOADS | {"Action": ["s3:PutObject", "s3:GetObjects"]} | AT_HOME,
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},
    ],
}
WITHOUT_FONTS = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # they would be fetched


def draw(command: str, width: int) -> str:
    """The picture of a command and of what it prints, as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        trail.write(Path(folder) / "logs")
        for name, statements in POLICIES.items():
            policy = {"Version": "2012-10-17", "Statement": statements}
            Path(folder, name).write_text(json.dumps(policy), encoding="utf-8")
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [Path(sys.executable).with_name(program), *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PYTHONUNBUFFERED": "1"},
            check=False,
        )
    with open("/dev/null", "w") as nowhere:
        console = Console(record=True, width=width, file=nowhere)
        console.print(Text(f"$ {command}", style="bold"))
        console.print(JSONHighlighter()(Text(done.stdout.rstrip())))
    return console.export_svg(title=program, code_format=WITHOUT_FONTS, unique_id="terminal")


def main() -> None:
    """Write all pictures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()  # --help writes nothing
    for path, (command, width) in PICTURES.items():
        print(shown(write_text(ROOT / path, draw(command, width))))


if __name__ == "__main__":
    main()
