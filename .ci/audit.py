"""Known vulnerabilities in what is installed, by pip-audit: fails where there are any, says so where it could not ask.

The service is asked over the network. A machine that cannot reach it must be able to run CI too; the message is for
whoever reads its output.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_SECONDS = 240  # all packages together; a service that is slower is as good as away
_AUDIT = (sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "15")


def judge(output: str) -> tuple[int, str]:
    """The exit code and the message for what pip-audit printed."""
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
    """Ask, and say what was found; the options are pip-audit's own."""
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
