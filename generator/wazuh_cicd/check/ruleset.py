"""Findings about any Wazuh ruleset: what a manager says at load, and what it never says."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.check.cost import cost_findings
from wazuh_cicd.check.decodertraps import decoder_trap_findings
from wazuh_cicd.check.dialects import foreign
from wazuh_cicd.check.fieldsource import FieldSource
from wazuh_cicd.check.reach import Dead, counted_twice, dead_rules, group_thieves
from wazuh_cicd.check.ruletraps import inverted_lookups, rule_trap_findings
from wazuh_cicd.content.paths import stock_root
from wazuh_cicd.engine import RulesetFiles, RulesetLoadError, load_ruleset, read_folder
from wazuh_cicd.engine.judge.memory import CAPACITY
from wazuh_cicd.engine.judge.mitre import describe
from wazuh_cicd.engine.load.decoderdefinition import AFTER_PARENT, AFTER_PREMATCH
from wazuh_cicd.engine.load.files import read_file
from wazuh_cicd.engine.patterns.perl_facts import may_capture_nothing, may_take_nothing
from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.spec.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_cicd.engine import LoadMessage, Ruleset
    from wazuh_cicd.engine.judge.rule import Rule
    from wazuh_cicd.engine.load.decoderdefinition import DecoderDefinition
    from wazuh_cicd.engine.load.ruledefinition import RuleDefinition, TextTest

_SEVERITIES = {"WARNING": Severity.WARNING, "ERROR": Severity.ERROR, "CRITICAL": Severity.ERROR, "NOTE": Severity.ERROR}
_MENDS = {
    7600: "write osmatch, osregex or pcre2; yes or no",
    7601: "write osregex or pcre2",
    7605: "an overwrite keeps the place in the tree: repeat the same relation",
    7610: "no rule loaded before has the group: correct it, or move the file behind theirs",
    7611: "give the file a name that sorts behind 0010-rules_config.xml",
    7612: "take a free id",
    7613: "correct the id, or drop overwrite",
    7615: "name one rule by its number",
    7616: "add the list and its line in ossec.conf",
    7617: "correct the id, or move the file behind the parent's",
    7618: "write numbers with commas between",
    7619: "correct the ids: the rule is not loaded",
    2106: "a manager needs a decoder with <program_name> and one without: check with --stock",
    7620: "correct the id, or move the file behind the counted rule's",
}
OWN_CODE_LIMIT = 2
#: Wazuh keeps the ids from here on for the rules of others.
FIRST_OWN_ID = 100_000
# So many ids are named in one finding.
_MOST_IDS = 6
# A rule, a group or a list is not there.
_MISSING = {"7605", "7610", "7613", "7616", "7617", "7618", "7619", "7620", "2106"}


def check_ruleset(
    folders: Sequence[Path], *, files: Sequence[Path] = (), beneath: Sequence[Path] = ()
) -> list[Finding]:
    """All findings about the rulesets in ``folders``, loaded together as one manager would.

    Args:
        folders: laid out like a manager's.
        files: single files of rules or decoders; what lies beside them in a manager's folder is loaded, too.
        beneath: folders that are loaded too, but about which nothing is said (the stock ruleset).

    Raises:
        UsageError: a folder or file is not there or holds no ruleset.
    """
    read = [(folder, read_folder(folder)) for folder in folders]
    own = [_together(files), *(found for _, found in read)]
    guessed = False
    if not beneath and (files or not any(found.decoders for found in own)):
        beneath, guessed = _stock()
    sources = [*(read_folder(folder) for folder in beneath), *own]
    mine: set[str] = {str(path) for path in files}
    findings: list[Finding] = []
    for folder, found in read:
        mine |= {name for name, _ in (*found.decoders, *found.rules)}
        findings.extend(_unreadable(found))
        findings.extend(_declarations(folder, found))
        mine |= {finding.path for finding in findings}
    ruleset, refused = _loaded(sources)
    findings.extend(refused)
    if ruleset is not None:
        messages = [from_message(message) for message in ruleset.messages]
        if guessed:
            unsure = _MISSING - {"7616"} if any(found.lists for found in own) else _MISSING
            messages = [_unsure(one) if one.code in unsure and _may_be_stock(one) else one for one in messages]
        # What hangs on a rule of a refused file is not there for that reason alone.
        findings.extend(message for message in messages if not refused or message.code not in _MISSING)
        findings.extend(written_findings(ruleset) if refused else silent_findings(ruleset))
        findings.extend(cost_findings(ruleset, mine))
    everything = not beneath and not files
    return sorted(_shown(finding for finding in findings if not finding.path or finding.path in mine or everything))


def _stock() -> tuple[list[Path], bool]:
    """What is checked without --stock stands on: this manager's stock ruleset, or what we have, which is less."""
    root = Path(os.environ.get("WAZUH_ROOT") or "/var/ossec") / "ruleset"
    if (root / "rules").is_dir():
        return [root], False
    return [stock_root()], True


def _may_be_stock(found: Finding) -> bool:
    """Whether what is missing may be a stock rule: those have five digits at most."""
    named = re.search(r"Signature ID '(\d+)'", found.message)
    return named is None or int(named[1]) < FIRST_OWN_ID


def _unsure(found: Finding) -> Finding:
    """What is missing may be in the stock ruleset, which is not here."""
    text = f"{found.message}; the stock ruleset is not here, so this may be all right"
    return replace(found, message=text, fix="name the stock ruleset with --stock", severity=Severity.NOTE)


def _together(files: Sequence[Path]) -> RulesetFiles:
    """Single files, each with what lies around it in a manager's folder; every file once, every folder read once."""
    named = {path.resolve(): str(path) for path in files}
    around = dict.fromkeys(place.parent.parent for place in named if place.parent.name in ("rules", "decoders"))
    found = [read_folder(root) for root in around]
    surrounding = {Path(name).resolve() for one in found for name, _ in (*one.decoders, *one.rules)}
    found.extend(read_file(path) for path in files if path.resolve() not in surrounding)

    def once(kinds: Iterable[tuple[tuple[str, bytes], ...]]) -> tuple[tuple[str, bytes], ...]:
        entries = {Path(name).resolve(): (name, data) for kind in kinds for name, data in kind}
        return tuple((named.get(place, name), data) for place, (name, data) in entries.items())

    lists = {name: data for one in found for name, data in one.lists.items()}
    return RulesetFiles(once(one.decoders for one in found), once(one.rules for one in found), lists)


def _loaded(sources: Sequence[RulesetFiles]) -> tuple[Ruleset | None, list[Finding]]:
    """The ruleset without the files that a manager refuses, and what it says of each of these.

    A manager stops at the first of them.
    """
    findings: list[Finding] = []
    left = list(sources)
    refused: set[str] = set()
    ruleset = _attempt(left, findings, refused)
    while ruleset is None:
        before = len(refused)
        left = [_without(files, refused) for files in left]
        ruleset = _attempt(left, findings, refused)
        if ruleset is None and len(refused) == before:
            return None, findings
    if refused:
        text = (
            f"a manager does not start with this ruleset, it refuses {len(refused)} of the files; all else was"
            " checked without them, and not for rules that never fire"
        )
        fix = "correct the errors, then check again"
        findings.append(Finding("", 0, 0, "7311", text, fix, severity=Severity.ERROR))
    return ruleset, findings


def _attempt(sources: Sequence[RulesetFiles], findings: list[Finding], refused: set[str]) -> Ruleset | None:
    """Load them, or add what is said of the files that are refused."""
    try:
        return load_ruleset(sources)
    except RulesetLoadError as error:
        findings.extend(from_message(message) for message in error.messages if message.code != 7311)
        refused |= {message.path for message in error.messages if message.path and message.severity != "WARNING"}
        return None


def _without(files: RulesetFiles, names: set[str]) -> RulesetFiles:
    return RulesetFiles(
        tuple(entry for entry in files.decoders if entry[0] not in names),
        tuple(entry for entry in files.rules if entry[0] not in names),
        files.lists,
    )


def _decoder_finding(code: str, decoder: DecoderDefinition, text: str, mend: str) -> Finding:
    return Finding(decoder.path, decoder.line, decoder.column, code, text, mend, severity=Severity.WARNING)


def _shown(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen = set()
    for finding in findings:
        if finding not in seen:
            seen.add(finding)
            yield finding


def from_message(message: LoadMessage) -> Finding:
    """A manager's message as a finding; its number is the code."""
    text = re.sub(r"^\(\d+\): ", "", message.text).rstrip(". ")
    return Finding(
        message.path,
        message.line,
        message.column,
        str(message.code) if message.code else "load",
        text,
        _MENDS.get(message.code, ""),
        severity=_SEVERITIES.get(message.severity, Severity.ERROR),
        rule=str(message.rule) if message.rule else "",
    )


def silent_findings(ruleset: Ruleset) -> Iterator[Finding]:
    """What loads without a word and never works."""
    for dead in (*dead_rules(ruleset.tree), *group_thieves(ruleset.tree), *counted_twice(ruleset.tree)):
        yield dead_finding(dead)
    yield from written_findings(ruleset)
    fields = FieldSource(ruleset)
    for loaded in ruleset.tree.ordered:
        rule = loaded.definition
        yield from _unknown_fields(loaded, fields)
        yield from rule_trap_findings(loaded, ruleset.tree, fields)
        if loaded.composite and loaded.search == "regex" and not rule.global_frequency:
            text = f"rule {rule.id} searches all events: a manager hangs when it meets one of another agent"
            yield _finding("X814", rule, text, "add <global_frequency/>, or count a rule or a group", Severity.ERROR)
        for message in describe(rule.mitre_ids, rule.mitre_pairs)[1]:
            yield _finding(
                "X815", rule, f"rule {rule.id}: {message.text.rstrip('.')}", "name a live technique of ATT&CK 13.1"
            )
        if len(rule.lists) > OWN_CODE_LIMIT:
            text = f"rule {rule.id} has {len(rule.lists)} lists: only the last two are tested"
            yield _finding("X810", rule, text, "move the others to a parent rule")
    yield from _decoder_names(ruleset)


def written_findings(ruleset: Ruleset) -> Iterator[Finding]:
    """What is wrong with a rule or decoder whatever other files may hold."""
    yield from _decoder_traps(ruleset)
    yield from decoder_trap_findings(ruleset)
    yield from _decoder_dialects(ruleset)
    for loaded in ruleset.tree.ordered:
        yield from _dialect_findings(loaded.definition)
        yield from inverted_lookups(loaded.definition)


def _finding(code: str, rule: RuleDefinition, text: str, fix: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(rule.path, rule.line, rule.column, code, text, fix, severity=severity, rule=str(rule.id))


def dead_finding(dead: Dead) -> Finding:
    """A dead rule of any ruleset."""
    rule, other = dead.rule.definition, dead.other.definition
    if dead.kind == "hidden":
        text = f"rule {rule.id} can never fire: its sibling {other.id} (level {other.level}) takes its events first"
        fix = f"make it a child of {other.id} (<if_sid>{other.id}</if_sid>)" + (
            f", or raise its level above {other.level}" if other.level else ""
        )
        return _finding("X802", rule, text, fix)
    if dead.kind == "contradiction":
        whose = "itself" if dead.other is dead.rule else f"rule {other.id} above it"
        text = f"rule {rule.id} can never fire: what it asks of '{dead.about}' contradicts {whose}"
        return _finding("X803", rule, text, "correct one of the two conditions")
    if dead.kind == "counts-nothing":
        text = f"rule {rule.id} can never reach its frequency: {other.id} is never stored (level 0 or noalert)"
        return _finding("X804", rule, text, f"give {other.id} a level, or count its children by group")
    if dead.kind == "counts-too-many":
        text = f"rule {rule.id} can never reach its frequency: a manager remembers {CAPACITY} events, of all rules"
        return _finding("X804", rule, text, "ask for fewer events")
    if dead.kind == "counted-twice":
        text = f"rule {rule.id} counts each event of {other.id} once for each rule that {other.id} hangs on"
        return _finding("X816", rule, text, "hang the counted rule on one rule, or count one that hangs on one")
    ids = [str(found.id) for found in (dead.other, *dead.more)]
    shown = ", ".join(ids[:_MOST_IDS]) + (f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else "")
    text = f"rule {rule.id} does not count {shown} by group: other composites count the same rules by id"
    return _finding("X804", rule, text, "count a rule one way only, by group")


# -- fields ------------------------------------------------------------------------------------------------------------


def _unknown_fields(loaded: Rule, fields: FieldSource) -> Iterator[Finding]:
    rule = loaded.definition
    if not rule.fields:
        return
    decoder = fields.decoder(loaded)
    known = fields.fields_of(decoder)
    if known is None:
        return
    for test in rule.fields:
        name = test.name.decode("utf-8", "replace")
        if name.lower() not in known:
            text = f"rule {rule.id} tests field '{name}', which decoder '{decoder}' never produces"
            yield _finding("X801", rule, text, did_you_mean(name, known, otherwise="correct the field or the decoder"))


def _decoder_names(ruleset: Ruleset) -> Iterator[Finding]:
    decoders = [decoder.definition for decoder in ruleset.decoders.decoders]
    taken = {decoder.name for decoder in decoders}
    inherited = {decoder.declared: decoder.name for decoder in decoders}
    for loaded in ruleset.tree.ordered:
        rule = loaded.definition
        name = (rule.decoded_as or b"").decode("utf-8", "replace")
        if name in inherited and name not in taken:
            text = f"rule {rule.id} never matches: events of decoder '{name}' bear the name '{inherited[name]}'"
            yield _finding("X809", rule, text, f"write '{inherited[name]}', or give the decoder <use_own_name>")


def _decoder_traps(ruleset: Ruleset) -> Iterator[Finding]:
    """What PCRE2 expressions of decoders do that nobody expects."""
    decoders = [decoder.definition for decoder in ruleset.decoders.decoders]
    readers: dict[str, list[DecoderDefinition]] = {}  # by the root's name: decoders of its chain with a regex
    for decoder in decoders:
        regex = decoder.regex
        if regex is None:
            continue
        readers.setdefault(decoder.parent or decoder.declared, []).append(decoder)
        if regex.kind == "pcre2" and may_capture_nothing(regex.source):
            text = f"decoder '{decoder.declared}': all groups of the regex can stay out of a match"
            yield _decoder_finding("X812", decoder, text, "let one group take part in every match")
    for decoder in decoders:
        root = decoder.parent or decoder.declared
        behind = [reader for reader in readers.get(root, ()) if decoder.parent is None or reader is decoder]
        offset = AFTER_PREMATCH if decoder.parent else AFTER_PARENT
        followed = any(reader.regex_offset in {offset, AFTER_PREMATCH} for reader in behind)
        prematch = decoder.prematch
        if followed and prematch is not None and prematch.kind == "pcre2" and may_take_nothing(prematch.source):
            text = f"decoder '{decoder.declared}': a match of the prematch can be empty; then nothing is behind it"
            yield _decoder_finding("X813", decoder, text, "let it take the first character, or drop the offset")


# -- dialects ----------------------------------------------------------------------------------------------------------


def _dialect_findings(rule: RuleDefinition) -> Iterator[Finding]:
    tests: list[tuple[str, TextTest]] = list(rule.texts.items())
    tests += [(f"field {test.name.decode('utf-8', 'replace')}", test) for test in rule.fields]
    patterns: list[tuple[str, str, bytes]] = [(tag, test.kind, test.source) for tag, test in tests]
    patterns += [("check_value", "osmatch", test.check_value) for test in rule.lists if test.check_value]
    if rule.if_matched_regex:
        patterns.append(("if_matched_regex", "osregex", rule.if_matched_regex))
    for tag, kind, source in patterns:
        for found in foreign(kind, source):
            # Neither of the two knows another language.
            fix = "write it in that language" if tag in {"check_value", "if_matched_regex"} else found.fix
            yield _finding("X807", rule, f"rule {rule.id}, {tag}: {found.text}", fix, found.severity)
    for tag, test in tests:
        if b"&" in test.source or b"<" in test.source:
            sign = "&" if b"&" in test.source else "<"
            text = f"rule {rule.id}, {tag}: '{sign}' cannot be uploaded through the server API in a usable form"
            yield _finding("X808", rule, text, r'write \x26 or \x3c with type="pcre2"', Severity.NOTE)


def _decoder_dialects(ruleset: Ruleset) -> Iterator[Finding]:
    """Texts of decoders that are not what they seem; what OS_Regex may miss is left to the tests of the decoder."""
    for decoder in (loaded.definition for loaded in ruleset.decoders.decoders):
        for tag in ("program_name", "prematch", "regex"):
            pattern = getattr(decoder, tag)
            for found in foreign(pattern.kind, pattern.source) if pattern is not None else ():
                if found.severity is not Severity.NOTE:
                    yield _decoder_finding(
                        "X807", decoder, f"decoder '{decoder.declared}', {tag}: {found.text}", found.fix
                    )


# -- files -------------------------------------------------------------------------------------------------------------


def _unreadable(files: RulesetFiles) -> Iterator[Finding]:
    for name, _ in (*files.decoders, *files.rules):
        mode = Path(name).stat().st_mode if Path(name).is_file() else 0o660
        if not mode & 0o044:
            text = f"only its owner may read it (mode {mode & 0o777:04o}): a manager skips the file with one warning"
            yield Finding(name, 0, 0, "X806", text, "chown root:wazuh, chmod 0660", severity=Severity.WARNING)


_RULESET_BLOCK = re.compile(r"<ruleset>(.*?)</ruleset>", re.DOTALL | re.IGNORECASE)


def _declarations(folder: Path, files: RulesetFiles) -> Iterator[Finding]:
    """Lists against the lines of ``ossec.conf``, when the folder has one."""
    for conf in (folder / "etc" / "ossec.conf", folder / "ossec.conf", folder / "manager" / "etc" / "ossec.conf"):
        if not conf.is_file():
            continue
        text = re.sub(r"<!--.*?-->", lambda m: " " * len(m[0]), conf.read_text("utf-8", "replace"), flags=re.DOTALL)
        blocks = list(_RULESET_BLOCK.finditer(text))
        if len(blocks) > 1:
            line = text.count("\n", 0, blocks[-1].start()) + 1
            what = "a further <ruleset> block: only its own lines count, etc/ is off unless it repeats it"
            yield Finding(str(conf), line, 0, "X811", what, "merge it into the first block")
        declared = set(re.findall(r"<list>\s*([^<\s]+)\s*</list>", blocks[-1][1] if blocks else ""))
        declared = {name.removesuffix(".cdb") for name in declared}
        wanted = {
            (name, line, found.decode("utf-8", "replace").strip().removesuffix(".cdb"))
            for name, data in files.rules
            for line, row in enumerate(data.split(b"\n"), 1)
            for found in re.findall(rb"<list\b[^>]*>([^<]+)</list>", row)
        }
        for path, line, name in sorted(wanted):
            if name not in declared:
                what = f"list '{name}' is not declared in {conf.name}: the manager drops the rule"
                yield Finding(path, line, 0, "X805", what, f"add <list>{name}</list> to the ruleset block")
