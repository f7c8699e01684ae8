"""Asks pip-audit for known vulnerabilities of the installed packages; fails if there are any.

pip-audit asks a service on the network. A machine that cannot reach it can still run CI; the output then says that
nothing was audited.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_SECONDS = 240  # for all packages; a slower service counts as unreachable
_AUDIT = (sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "15")


def judge(output: str) -> tuple[int, str]:
    """The exit code and the message for the output of pip-audit."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, "dependencies were NOT audited: the vulnerability service could not be asked"
    found = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    if found:
        return 1, "\n".join(["known vulnerabilities:", *found])
    asked = [package for package in packages if "skip_reason" not in package]
    if len(asked) <= len(packages) // 2:
        return 0, f"dependencies were NOT audited: the service knows {len(asked)} of {len(packages)} packages"
    return 0, f"{len(asked)} of {len(packages)} packages audited: no known vulnerability"


def main(options: Sequence[str]) -> int:
    """Run pip-audit with these options of its own, and print the outcome."""
    try:
        done = subprocess.run([*_AUDIT, *options], capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - ours
        output = done.stdout
    except subprocess.TimeoutExpired:
        output = ""
    code, message = judge(output)
    print(message)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
