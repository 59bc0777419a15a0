"""What earlier runs found."""

import errno
import hashlib
import io
import json
import os
from typing import Any, Dict

from wodles.scan.errors import ScanError
from wodles.scan.files import read_small_json, trusted
from wodles.scan.reports import Finding

# What is known of one artifact, as its file holds it: the JSON object with "findings" and what the last scan saw.
Known = Dict[str, Any]
# What is known of one finding: "f" first seen, "x" since when there is a fix, "h" hash of how it looks, "o" last
# reported as overdue (all in seconds since 1970, or 0), "b" its base, "q" 1 when it was never reported, "e" its fields.
Entry = Dict[str, Any]


class State:
    """What earlier runs found: one file an artifact, so that a cut-off run loses at most the artifact at hand."""

    def __init__(self, directory: str) -> None:
        """Open, and create where needed, the state directory; only its owner may look into it."""
        self.directory = directory
        self.artifacts = os.path.join(directory, "artifacts")
        os.makedirs(self.artifacts, mode=0o700, exist_ok=True)
        info = os.stat(directory)
        if not trusted(info):
            raise ScanError("config", "the state directory may be changed by others than its owner")
        os.chmod(directory, 0o700)
        self.salt = self._salt()

    def _salt(self) -> bytes:
        path = os.path.join(self.directory, "salt")
        try:
            with open(path, "rb") as stream:
                salt = stream.read(32)
            if len(salt) == 32:
                return salt
        except OSError:
            pass
        salt = os.urandom(32)
        self._write(path, salt)
        return salt

    def path(self, name: str) -> str:
        """Return the file of an artifact."""
        return os.path.join(
            self.artifacts, hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40] + ".json"
        )

    def load(self, name: str) -> Known:
        """Return what is known of an artifact ({} the first time); raises ``ScanError`` state_corrupt."""
        try:
            with open(self.path(name), "rb") as stream:
                document = json.loads(stream.read().decode("utf-8"))
            if document["v"] == 1 and document["artifact"] == name and isinstance(document["findings"], dict):
                for entry in document["findings"].values():
                    entry["f"] + entry["x"] + entry["o"], entry["b"] + entry["h"], entry["e"]["id"]
                return dict(document)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return {}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        raise ScanError("state_corrupt")

    def save(self, name: str, document: Known) -> None:
        """Replace what is known of an artifact, atomically."""
        document.update(v=1, artifact=name)
        self._write(self.path(name), json.dumps(document, separators=(",", ":")).encode())

    def load_pins(self) -> Dict[str, str]:
        """Return the hashes of scanners that the configuration does not pin."""
        return {
            k: v for k, v in read_small_json(os.path.join(self.directory, "pins.json")).items() if isinstance(v, str)
        }

    def save_pins(self, pins: Dict[str, str]) -> None:
        """Remember them."""
        self._write(os.path.join(self.directory, "pins.json"), json.dumps(pins, sort_keys=True).encode())

    def _write(self, path: str, data: bytes) -> None:
        temporary = path + ".new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with io.open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
        os.rename(temporary, path)

    def forget(self, before: float) -> None:
        """Remove artifacts not seen since ``before``."""
        for entry in os.scandir(self.artifacts):
            if entry.stat().st_mtime < before:
                os.unlink(entry.path)

    def secret_hash(self, finding: Finding) -> str:
        """Hash where a secret was found, salted: the same secret finding keeps its name, and nothing can be guessed."""
        import hmac

        text = "|".join((finding.id, finding.target, finding.lines))
        return hmac.new(self.salt, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]
