"""The scanners of one run: their environment, and how they are started."""

import json
import os
from typing import Dict, List, Optional, Set

from wodles.scan.config import Config
from wodles.scan.errors import ScanError
from wodles.scan.process import Command, Outcome, run_program
from wodles.scan.text import clean
from wodles.scan.verify import verify_tool


class Toolbox:
    """The scanners of one run: verified, run in an empty directory, with an environment of their own."""

    def __init__(self, config: Config, work: str, pins: Optional[Dict[str, str]] = None) -> None:
        """Take the configuration, a private directory for temporary files, and remembered hashes."""
        self.config = config
        self.work = work
        self.pins = {} if pins is None else pins
        self.kev = load_kev(config.kev_catalog)

    def environment(self, tool: str, namespace: str = "") -> Dict[str, str]:
        """Return the whole environment of a scanner: nothing of ours, so none of the CI's secrets."""
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": os.path.join(self.work, "home"),
            "TMPDIR": os.path.join(self.work, "tmp"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "DOCKER_HOST": "unix://" + self.config.docker_socket,
            "CONTAINERD_ADDRESS": self.config.containerd_socket,
            "CONTAINERD_NAMESPACE": namespace or "k8s.io",
        }
        if self.config.proxy:
            environment.update(HTTPS_PROXY=self.config.proxy, HTTP_PROXY=self.config.proxy)
        if self.config.docker_config:
            environment["DOCKER_CONFIG"] = self.config.docker_config
        if tool == "grype":
            environment.update(
                GRYPE_DB_CACHE_DIR=self.config.cache("grype"),
                GRYPE_DB_AUTO_UPDATE="false",
                GRYPE_CHECK_FOR_APP_UPDATE="false",
                GRYPE_DB_VALIDATE_AGE="false",  # the age is an event of its own, not a failure without a report
            )
        return environment

    def run(
        self,
        name: str,
        arguments: List[str],
        seconds: float,
        output: str = "",
        namespace: str = "",
        *,
        offline: bool = False,
        stdout: str = "",
    ) -> Outcome:
        """Verify a tool, then run it in a new empty directory; ``stdout`` is a file for what it prints."""
        import shutil
        import tempfile

        verified = verify_tool(name, self.config.tool(name), self.pins)
        for part in ("home", "tmp"):
            os.makedirs(os.path.join(self.work, part), mode=0o700, exist_ok=True)
        directory = tempfile.mkdtemp(prefix="run-", dir=self.work)
        try:
            command = Command(
                [name] + arguments,
                directory,
                self.environment(name, namespace),
                descriptor=verified.descriptor,
                watch=output,
                limit=self.config.report_bytes,
                stdout=stdout,
                offline=offline,
            )
            return run_program(command, seconds)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
            shutil.rmtree(os.path.join(self.work, "tmp"), ignore_errors=True)


def load_kev(path: str) -> Set[str]:
    """Read the CVE ids of CISA's Known Exploited Vulnerabilities catalogue (its JSON file)."""
    if not path:
        return set()
    try:
        with open(path, "rb") as stream:
            entries = json.loads(stream.read(64 << 20).decode("utf-8"))["vulnerabilities"]
        return {str(entry["cveID"]) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ScanError("config", clean(path, 200) + ": the kev_catalog cannot be read") from None
