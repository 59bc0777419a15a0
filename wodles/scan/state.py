"""What earlier runs found, one file an artifact."""

import errno
import hashlib
import io
import json
import operator
import os
from typing import Any, Dict, NamedTuple, Optional, Tuple

from wodles.scan.errors import ScanError
from wodles.scan.files import read_small_json, trusted
from wodles.scan.reports import Finding
from wodles.scan.text import clean


class Entry(NamedTuple):
    """What is known of one finding; times are seconds since 1970.

    Args:
        first_seen: when it was seen first.
        fix_since: since when there is a fix; 0: there is none.
        look: a hash of what makes it look changed.
        overdue: when it was last reported as overdue; 0: never.
        base: names it whatever the package's version.
        fields: those of its event.
        quiet: it is below the severity floor, and was never reported.
    """

    first_seen: int
    fix_since: int
    look: str
    overdue: int
    base: str
    fields: Dict[str, Any]
    quiet: bool = False


class Known(NamedTuple):
    """What is known of one artifact, from its last scan.

    Args:
        kind: the target's.
        findings: by ``Finding.key``; also those of earlier scans, after a scan that failed.
        digest: what was scanned.
        inputs: what else could have changed the result.
        scanned: when, in seconds since 1970.
        exposure: the target's.
        registry: where it comes from, when that is not trusted.
        pushed: whether it was in a registry.
        complete: whether everything was reported; if not, it is scanned again.
        outcome: what its summary said.
        signature: what was wrong with its signature.
        suppressed: keys of findings that an ignore file or VEX document hides; None: not known.
        packages: its direct dependencies; None: not known.
        doubted: what gave a suspicious nothing; when the very same gives it again, it is believed.
    """

    kind: str
    findings: Dict[str, Entry]
    digest: str = ""
    inputs: str = ""
    scanned: int = 0
    exposure: str = ""
    registry: str = ""
    pushed: bool = False
    complete: bool = False
    outcome: str = ""
    signature: str = ""
    suppressed: Optional[Tuple[str, ...]] = None
    packages: Optional[Tuple[str, ...]] = None
    doubted: str = ""


# In the file the parts of an entry have short names: a large image has ten thousand entries.
_PARTS = operator.itemgetter("f", "x", "h", "o", "b", "e")


def _read_entry(given: Dict[str, Any]) -> Entry:
    first, fix, look, overdue, base, fields = _PARTS(given)
    first + fix + overdue, base + look, fields["id"]  # of the right type, or the file is damaged
    return Entry._make((first, fix, look, overdue, base, fields, bool(given.get("q"))))


def _write_entry(entry: Entry) -> Dict[str, Any]:
    given = {
        "f": entry.first_seen,
        "x": entry.fix_since,
        "h": entry.look,
        "o": entry.overdue,
        "b": entry.base,
        "e": entry.fields,
    }
    if entry.quiet:
        given["q"] = 1
    return given


class State:
    """What earlier runs found: one file an artifact, so that a cut-off run loses at most the artifact at hand."""

    def __init__(self, directory: str) -> None:
        """Open, and create where needed, the state directory; only its owner may look into it."""
        self.directory = directory
        self.artifacts = os.path.join(directory, "artifacts")
        os.makedirs(self.artifacts, mode=0o700, exist_ok=True)
        info = os.stat(directory)
        if not trusted(info):
            doubt = "the state directory may be changed by others than its owner"
            raise ScanError("config", "%s: %s" % (clean(directory, 200), doubt))
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

    def load(self, name: str) -> Optional[Known]:
        """Return what is known of an artifact (None the first time); raises ``ScanError`` state_corrupt."""
        try:
            with open(self.path(name), "rb") as stream:
                given = json.loads(stream.read().decode("utf-8"))
            if given["v"] == 1 and given["artifact"] == name:
                parts = {key: given[key] for key in Known._fields if key in given}
                parts["findings"] = {key: _read_entry(entry) for key, entry in given["findings"].items()}
                for key in ("suppressed", "packages"):
                    if key in parts:
                        parts[key] = tuple(parts[key])
                return Known(**parts)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        raise ScanError("state_corrupt")

    def save(self, name: str, known: Known) -> None:
        """Replace what is known of an artifact, atomically."""
        document = {key: value for key, value in known._asdict().items() if value is not None}
        document["findings"] = {key: _write_entry(entry) for key, entry in known.findings.items()}
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
