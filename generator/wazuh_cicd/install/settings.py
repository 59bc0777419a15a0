"""What a site has chosen: on the command line, in a settings file, or earlier.

An option that is not given means "as installed". Options add to that; taking away has options of its own. A settings
file states each key that it has as a whole: what it does not name any more is switched off, and the plan says so. A new
choice is one more field of ``Settings`` and one line in ``_KEYS``.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.errors import UsageError
from wazuh_cicd.render.info import checked_runbook_url
from wazuh_cicd.spec.model import ASKED, FIRST_ID, SOURCES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_FILE = Path("/etc/wazuh-cicd.toml")
# What a settings file may say, and the type of each: the choices, then what else the command line can say.
_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "sources": list,
    "responses": list,
    "internal": bool,
    "observe": bool,
    "id_base": int,
    "status": str,
    "runbook_url": str,
    "indexer": str,
    "indexer_ca": str,
    "root": str,
    "api": str,
    "ca": str,
    "server_name": str,
    "token_file": str,
    "state": str,
    "activate": bool,
    "thorough": bool,
    "wait": (int, float),
    "restart_command": str,
}
_TYPES = {list: "a list of names", int: "a whole number", str: "a text", bool: "true or false", (int, float): "seconds"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What shall be installed.

    Attributes:
        sources: names, in the order of ``SOURCES``.
        responses: names, sorted.
        internal: whether ``block-ip`` may block internal, private and shared addresses.
        id_base: where the rules' ids begin.
        observe: whether the responses only log what they would do.
        status: how mature a rule must be to keep its own level; the others begin at level 3.
        runbook_url: where the rules' pages are, for the alerts; empty for nowhere.
        indexer: the address of the indexer that gets the template and what belongs to it; empty for none.
        indexer_ca: the CA file to trust there; empty for the system's.
    """

    sources: tuple[str, ...] = tuple(SOURCES)
    responses: tuple[str, ...] = ()
    internal: bool = False
    id_base: int = FIRST_ID
    observe: bool = False
    status: str = ASKED[0]
    runbook_url: str = ""
    indexer: str = ""
    indexer_ca: str = ""

    def __str__(self) -> str:
        """In words."""
        sources = "all sources" if set(self.sources) == set(SOURCES) else f"sources {', '.join(self.sources)}"
        responses = f"responses {', '.join(self.responses)}" if self.responses else "no responses"
        responses += " (internal addresses as well)" if self.internal else ""
        responses += " (observing only)" if self.observe else ""
        pages = f"; pages of the rules at {self.runbook_url}" if self.runbook_url else ""
        indexer = f"; indexer {self.indexer}" if self.indexer else ""
        return f"{sources}; {responses}; ids from {self.id_base}; rules from status {self.status} on{pages}{indexer}"

    def switches(self, before: Settings) -> tuple[str, ...]:
        """What becomes different, one line each, in words; what is taken away first."""
        lines = []
        for one, many, old, new in (
            ("source", "sources", before.sources, self.sources),
            ("response", "responses", before.responses, self.responses),
        ):
            off, on = [n for n in old if n not in new], [n for n in new if n not in old]
            lines += [f"switches off the {one if len(off) == 1 else many} {', '.join(off)}"] if off else []
            lines += [f"switches on the {one if len(on) == 1 else many} {', '.join(on)}"] if on else []
        if self.internal != before.internal:
            word = "on" if self.internal else "off"
            lines.append(f"switches {word} the blocking of internal, private and shared addresses")
        if self.observe != before.observe:
            what = "only log what they would do" if self.observe else "act from now on"
            lines.append(f"makes the responses {what}")
        if self.id_base != before.id_base:
            lines.append(f"moves every rule: ids from {self.id_base} instead of {before.id_base}")
        if self.runbook_url != before.runbook_url:
            there = f"name the rules' pages at {self.runbook_url}" if self.runbook_url else "name no pages any more"
            lines.append(f"makes the alerts {there}")
        if self.status != before.status:
            if ASKED.index(self.status) < ASKED.index(before.status):
                lines.append(f"lowers rules that are less mature than {self.status} to level 3")
            else:
                lines.append(f"gives their own level to rules from status {self.status} on")
        if self.indexer != before.indexer:
            lines += [f"switches off the index template on {before.indexer}"] if before.indexer else []
            lines += [f"switches on the index template on {self.indexer}"] if self.indexer else []
        return tuple(sorted(lines, key=lambda line: not line.startswith("switches off")))


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A settings file.

    Attributes:
        path: where it lies; None where there is none.
        values: what it says, checked.
    """

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """A text; empty when the file does not have it."""
        return str(self.values.get(key, ""))


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; empty or None where it says nothing."""

    add_sources: tuple[str, ...] = ()
    drop_sources: tuple[str, ...] = ()
    add_responses: tuple[str, ...] = ()
    drop_responses: tuple[str, ...] = ()
    internal: bool | None = None
    id_base: int | None = None
    observe: bool | None = None
    status: str | None = None
    runbook_url: str | None = None
    indexer: str | None = None
    indexer_ca: str | None = None


def read_file(path: Path | None) -> SettingsFile:
    """Read the file that is named, or the one of this machine if it is there.

    Raises:
        UsageError: it cannot be read, is not TOML, has a key that nobody knows or a value of another type; or it is the
            one of this machine and somebody else than root may write it.
    """
    place = path or DEFAULT_FILE
    try:
        with place.open("rb") as stream:
            status = os.fstat(stream.fileno())
            data = stream.read()
    except FileNotFoundError:
        if path is None:
            return SettingsFile()
        raise UsageError(f"{place}: no such file") from None
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}") from None
    if path is None and os.geteuid() == 0 and (status.st_uid != 0 or stat.S_IMODE(status.st_mode) & 0o022):
        raise UsageError(f"{place}: others than root may write it; 'chown root' and 'chmod go-w' it, or use --config")
    try:
        text = data.decode()
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{place}: is not TOML: {error}") from None
    for key, value in document.items():
        found = re.search(rf'^[ \t]*\[*"?{re.escape(key)}\b', text, re.MULTILINE)
        where = f"{place}:{text.count(chr(10), 0, found.start()) + 1 if found else 1}"
        if key not in _KEYS:
            raise UsageError(f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}")
        wanted = _KEYS[key]
        good = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
        if wanted is list:
            good = isinstance(value, list) and all(isinstance(word, str) for word in value)
        if not good:
            raise UsageError(f"{where}: {key} must be {_TYPES[wanted]}, not {value!r}")
    return SettingsFile(place, document)


def words(text: str) -> tuple[str, ...]:
    """A list of the command line: names with commas between them."""
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def choose(options: Options, file: SettingsFile, installed: Settings | None) -> Settings:
    """What shall be installed.

    Args:
        options: of the command line.
        file: the settings file.
        installed: what is installed; None for nothing.

    Raises:
        UsageError: an unknown source or status, one that is both added and taken away, no source left, or an address
            that no alert can hold.
    """
    for text, names in (("--with", options.add_sources), ("--without", options.drop_sources)):
        _known(text, names, SOURCES)
    _known(f"{file.path}: sources", file.values.get("sources", ()), SOURCES)
    for on, off, pair in (
        (options.add_sources, options.drop_sources, "--with and --without"),
        (options.add_responses, options.drop_responses, "--respond and --unrespond"),
    ):
        if both := sorted(set(on) & set(off)):
            raise UsageError(f"{pair} both name {', '.join(both)}; which is it?")
    start: Iterable[str]
    if "sources" in file.values:
        start = file.values["sources"]
    elif installed is not None:
        start = installed.sources
    else:
        start = () if options.add_sources else SOURCES
    chosen = (set(start) | set(options.add_sources)) - set(options.drop_sources)
    if not chosen:
        raise UsageError("no source is left; 'wazuh-cicd install uninstall' removes the package")
    answers = set(file.values.get("responses", installed.responses if installed else ()))
    answers = (answers | set(options.add_responses)) - set(options.drop_responses)
    internal = options.internal
    if internal is None:
        # Without the block there is nothing that it could say.
        internal = bool(file.values.get("internal", installed.internal if installed else False))
        internal = internal and ("block-ip" in answers or "internal" in file.values)
    base = options.id_base
    if base is None:
        base = int(file.values.get("id_base", installed.id_base if installed else FIRST_ID))
    observe = options.observe
    if observe is None:
        observe = bool(file.values.get("observe", installed.observe if installed else False))
        observe = observe and (bool(answers) or "observe" in file.values)
    names = tuple(name for name in SOURCES if name in chosen)
    status = options.status or str(file.values.get("status", installed.status if installed else ASKED[0]))
    if status not in ASKED:
        raise UsageError(f"{file.path}: no such status: {status}; known: {', '.join(ASKED)}")
    pages = options.runbook_url
    if pages is None:
        pages = str(file.values.get("runbook_url", installed.runbook_url if installed else ""))
    indexer, indexer_ca = _choose_indexer(options, file, installed)
    return Settings(
        names, tuple(sorted(answers)), internal, base, observe, status, checked_runbook_url(pages), indexer, indexer_ca
    )


def _choose_indexer(options: Options, file: SettingsFile, installed: Settings | None) -> tuple[str, str]:
    """Address and CA file; a CA belongs to the address that it was named with."""
    indexer, ca = options.indexer, options.indexer_ca
    if indexer is None and "indexer" in file.values:
        indexer = file.text("indexer")
    if ca is None and "indexer_ca" in file.values:
        ca = file.text("indexer_ca")
    before = installed.indexer if installed else ""
    if indexer is None:
        indexer = before
    if ca is None:
        ca = installed.indexer_ca if installed and indexer == before else ""
    if ca and not indexer:
        if options.indexer_ca:
            raise UsageError("--indexer-ca says whom to trust at an indexer; add --indexer")
        ca = ""
    if before and indexer and indexer != before:
        raise UsageError(f"the template is on {before}: take it away there first (--no-indexer), then name {indexer}")
    return indexer, ca


def is_complete(options: Options, file: SettingsFile, installed: Settings | None = None) -> bool:
    """Whether every choice is stated, so that nothing is taken from what was installed."""
    told = set(file.values)
    # A password goes to the indexer: where a record names one, somebody must have said so.
    if installed is not None and installed.indexer and options.indexer is None and "indexer" not in told:
        return False
    told |= {"internal"} if options.internal is not None else set()
    told |= {"id_base"} if options.id_base is not None else set()
    told |= {"observe"} if options.observe is not None else set()
    told |= {"status"} if options.status is not None else set()
    told |= {"runbook_url"} if options.runbook_url is not None or not (installed and installed.runbook_url) else set()
    return {"sources", "responses", "internal", "id_base", "observe", "status", "runbook_url"} <= told


def _known(where: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"{where}: no such source: {', '.join(unknown)}; known: {', '.join(known)}")
