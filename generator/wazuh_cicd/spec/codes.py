"""Every code of ours: what is wrong, why it matters, how to mend it. ``docs/codes.md`` is written from this table.

Y1xx  YAML                       S1xx  shape of a spec
R2xx  rules and their links      M3xx  matchers and what Wazuh can test
T4xx  tests                      D5xx  decoders
L6xx  lists and the lock         H7xx  house rules                F9xx  stale names
X8xx  a Wazuh ruleset: what a manager never says
1234  a Wazuh ruleset: what a manager says, by its own code
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One code.

    Attributes:
        code: ``Y102``.
        title: what is wrong, in a line.
        why: what follows from it.
        mend: how to put it right.
    """

    code: str
    title: str
    why: str
    mend: str


_TABLE = """
Y101 | The text is not YAML. | Nothing of the file can be read. | Mend the syntax at the place named, or just above it; quote texts that hold `: `, `#` or begin with a sign as `@`, `%`, `*` or `{`.
Y102 | A tab where YAML wants blanks. | YAML forbids tabs in indentation. | Indent with spaces, two a level.
Y103 | A key stands twice in one mapping. | YAML parsers silently keep one of them: half of the spec would be lost. | Keep one; put several conditions on one field into one mapping.
Y104 | An anchor or alias is used. | A small file can stand for a huge one, and a reader has to look in two places. | Write the value out where it is used; use `defaults:` for what all rules of a file share.
Y105 | An unknown YAML tag. | Specs know plain values, lists and mappings only. | Remove the tag.
Y106 | The file is not UTF-8. | Rules are compared byte by byte: the encoding decides what they match. | Save the file as UTF-8.
Y107 | The file is too large or nested too deeply. | Nothing that a person writes is; reading it could exhaust the machine. | Split it.
Y108 | A second YAML document in one file. | Only one would be read. | Remove the line `---` or split the file.
Y109 | A key is not a plain text. | Keys are names. | Quote the key.
S101 | An unknown key. | A misspelt key would silently mean nothing. | Write the key suggested; `docs/specs.md` lists them all.
S102 | A key is missing. | The rule cannot be rendered without it. | Add it.
S103 | A value of the wrong kind. | A list where a text is wanted, a text where a number is. | Write the kind that the message names.
S104 | A word that is not in the set of allowed ones. | It would mean nothing to Wazuh or to us. | Write one of those named.
S105 | A number or duration outside its range. | Wazuh would refuse it, or read something else. | Write a value in the range named.
S106 | A rule of level 4 or more lacks what an analyst needs. | An alert that nobody can act on is noise: from level 4 on `why`, `triage`, `false_positives`, `mitre` and `compliance` are part of the rule. | Add the key; an empty list says that there is none.
S107 | A key that means nothing beside another one. | It would silently have no effect. | Remove it.
S108 | A title that Wazuh cannot show. | Wazuh's XML has no escapes, cuts at 1023 bytes and fills in decoded fields only. | Reword the title as the message says.
R201 | An id belongs to two rules. | A manager keeps the first and drops the second. | Take the free id suggested.
R202 | An id outside its source's block. | The block tells where a rule comes from and keeps the files apart. | Take a free id of the block.
R203 | A name belongs to two things. | Other specs refer to it. | Rename one.
R204 | A reference to nothing. | A manager would drop the rule, silently. | Write the name suggested.
R205 | A MITRE technique that Wazuh does not know. | Wazuh 4.14 knows ATT&CK v13.1; the alert would have no technique. | Write a technique of v13.1, usually the parent.
R206 | A compliance control that is not in our tables. | A misspelt control is missing from every report. | Write the control suggested.
R209 | No test that makes it fire, or none that must leave it silent. | A rule that was never seen to fire is a hope; one that was never seen silent is noise. | Add the test; the best silent one differs in the one thing that decides.
R210 | A list that is not declared. | A manager drops the rule. | Write `lists/<name>.yml`.
R211 | A response on a rule that cannot carry it. | An attacker who can write the event's text, a header with its address, or a line that looks like it into some other log, could have anybody blocked; level 0 never responds. | Remove the response, bind it to a rule on events that only the source itself can write, or say with 'from' where they come from.
R212 | A parent that is none. | The rule would hang nowhere. | Write `{stock: id}`, `{rule: name}` or `root`.
R213 | A root rule without a condition. | It would take every event of its category. | Add a marker condition.
R214 | A composite that counts what is never counted. | Level-0 rules are never counted, so it could not fire. | Count a rule with a level.
R215 | A decoder's name that no event has. | A manager refuses the ruleset, or the rule never matches: a child decoder bears its parent's name unless it has `own_name: true`. | Write the name suggested.
R216 | Rules that hang on each other in a circle. | None of them could be loaded. | Break the circle.
R217 | A rule that loads before what it needs. | Wazuh resolves references to rules already read: it would drop the rule. | Move one of the two to the other's source.
R218 | Too many groups. | Wazuh cuts a rule's groups at 1023 characters: the last ones would be lost. | Drop some.
R219 | A stock parent that our stand-ins do not have. | Without the real stock ruleset nothing can be said about the rule. | Run `wazuh-cicd check --stock DIR` with a copy of the manager's `ruleset` folder.
R220 | A block whose address a client may have written. | A line of a log holds what clients wrote, user names for example; an expression that finds the address after such text finds one in it as well, and whoever sends it chooses who gets blocked. | Read the line from its first word to its end, with no blank in what clients write; or take the address from the line's beginning.
R221 | A composite that is more mature than the rule it counts. | A site that starts with mature rules lowers the counted one, and the composite would rest on what nobody has proved. | Give the composite the counted rule's status.
R222 | A runbook that names what is not there: a field, or rules. | The steps would reach no rule. | Correct the name.
M301 | A matcher that holds always, or never. | An empty list or an empty text decides nothing. | Name a value, or use `exists: true`.
M302 | Keys that do not go together. | One of them would have no effect. | Keep what the message names.
M303 | An expression that does not compile. | A manager refuses the whole ruleset. | Mend the expression; literal text needs no regex.
M304 | Not a network. | An address with host bits is usually a slip. | Write the network address with its prefix length.
M305 | A list's value that cannot be tested exactly. | Wazuh tests values with OS_Match, and those of address keys the wrong way round. | Use plain words, or one list for each value.
M306 | An anchor inside a member's regex. | The member stands inside a longer text: only a leading `^` and a trailing `$` can be kept. | Split the expression.
M307 | A test for a missing field. | In Wazuh no condition holds on a missing field, negated or not. | Write a level-0 child with `exists: true` for the other case.
M308 | A subject that Wazuh cannot test this way. | The tag does not exist, or means something else. | Write the subject suggested.
M309 | An exception that cannot be one tag. | Wazuh denies one tag at a time. | Write a level-0 child rule for the exception.
M310 | An address tested as text. | `srcip` and `dstip` know addresses and networks only, joined by OR. | Use addresses, `cidr` or `in_list`.
M311 | More than two lists in one rule. | Wazuh tests the last two only. | Move one to a child rule.
M312 | No exact form in Wazuh. | The condition would be cut, or mean something else. | As the message says; a child rule always works.
M313 | An unknown list of patterns. | The condition has nothing to compare with. | Write the list, with `keys: pattern`, or use the name suggested.
T401 | A test without an expectation, or with two. | It proves nothing. | Write `fires` or `silent`.
T402 | A field inside another field's value. | JSON cannot say it. | Set one of the two.
T403 | `repeat` of a sequence. | It is not clear what is repeated. | Put `repeat` into one of the events.
T404 | `without` names what is not there. | The test does not test what it says. | Remove it.
T405 | An event of two kinds at once. | An event is a text, JSON, or pre-decoded. | Split the test.
T406 | A sample that is not there, or is empty. | The test proves nothing. | Correct the path, below `tests/`.
D501 | A root decoder that takes every line. | It would hide all decoders behind it. | Add `program_name` or `prematch`.
D502 | A root decoder with children and expressions of its own. | Wazuh never runs the root's own. | Move them to a child.
D503 | `json` and `extract` in one root decoder. | Wazuh refuses it; only a child can be followed by others of its name. | Use a child decoder.
D504 | A JSON child without a prematch. | Wazuh would read from the wrong place. | Add `prematch`.
D505 | An offset that has nothing to start from. | Wazuh refuses it. | Remove or change `after`.
D506 | Fields and groups that do not match. | Values would land in the wrong fields. | Name each group once; use `(?: )` for the others.
D507 | A field name that Wazuh cannot read. | The list of names is cut at commas and blanks. | Use letters, digits, `.` and `_`.
L601 | A list whose file has another name. | The file's name is the list's. | Give both the same name.
L602 | An entry that cannot be written. | The format knows no escapes. | Remove quotes, line breaks and outer blanks.
L603 | Not an address or prefix. | Wazuh compares text: it knows no networks in lists. | Write `10.1.` for 10.1.0.0/16; `keys: prefix` for names.
L604 | Not a pattern. | A pattern is plain text with `*`; signs with a meaning in expressions would be read as text. | Write plain text and `*`.
L610 | An id was given to another rule. | An alert of last year would be read as the new rule. | Take a new id; retired ones stay in the lock file.
L611 | An id has vanished. | Dashboards, exceptions and responses still refer to it. | Keep the rule with `status: deprecated`, or retire it: `wazuh-cicd build --lock --retire ID`.
L612 | The lock file is not up to date. | It is the record of what was published under which id. | Run `wazuh-cicd build --lock` and commit the file.
H701 | A title that names no field. | An alert should say who did what to what. | Put `$(field)` where the actor or the object stands.
H702 | A composite that a sibling hides. | Siblings are tried from the highest level down: one that takes the event first leaves the composite uncounted. | Give the composite a higher level than its plain siblings.
H703 | A rule counted by id and by group. | Events of a rule that somebody counts by id count for no group any more. | Count all of them by group.
H704 | A rule that can never be reached. | A sibling that is tried earlier takes all its events. | Raise the level, make it a child of that sibling, or narrow the sibling.
H705 | A condition that excludes the parent's. | Both can never hold. | Correct one of them.
H706 | A title's field that the source is not known to have. | The alert would show an empty place. | Correct the field's name, or add it to the test.
H707 | No near miss among the silent tests. | A silent test that shares nothing with a firing one proves little. | Copy a firing event and change the one decisive thing.
H708 | A title with a hole: it names a field that need not be there. | Wazuh shows nothing in its place: `branch protection  removed`, `( )`. | Ask for the field in `when` (also of a parent), name one that is certain, or name it in a child rule that asks for it.
H709 | A rule that is asked before one of a higher level and takes its events. | Siblings are asked from the highest level down, but what hangs on a rule of level 0 with `noalert` comes before all of that rule's siblings. | Hang it beside the other rule, or the other on the same rule; where it is meant, waive it in the rule or in what it hangs on.
H710 | A composite that counts the events of a rule several times. | A manager keeps an event once for each rule that its rule hangs on: with two parents a frequency of four is reached by the third event. | Hang the counted rule on one rule, or leave it out of the group that is counted.
H711 | A grave rule that an analyst cannot act on. | From level 10 on an alert is looked at now: it takes three steps, one of them with a search or a command, and from level 13 on a way to contain it. | Add to `triage` and `contain`, or to a family in the `runbook.yml` of the source.
H712 | A search in a runbook that finds nothing. | It names a field or a group that no alert has. | Correct the name; fields of an event stand below `data.`.
H715 | A field whose type depends on the event. | An index has one type for a field: what does not fit is moved aside by the package's pipeline, so that nobody can ask for it, and without the pipeline the whole alert is refused. | Read a member of the object, or take the value out with a decoder of its own.
F901 | A documented name that no rule names. | A new audit log action ends at Wazuh's catch-all rule, however grave it is. | Name it in a rule, at the level proposed or at a better one.
F902 | A name that is not documented any more, or never was. | The rule waits for an event that does not come. | Correct it; where the source sends it all the same, waive it with the reason.
F903 | A stock rule that the manager does not have. | A manager drops the rule that hangs on it. | Hang it on the rule that took its place.
F904 | A technique that the manager does not know. | The alert has no technique. | Write the technique that took its place.
F905 | An API group that Kubernetes does not serve. | The rule waits for an event that does not come. | Correct it; where the group belongs to an operator, waive it with the reason.
X801 | A field that no decoder produces. | The rule never fires, and nothing says so. | Correct the field's name.
X802 | A rule that a sibling hides. | An earlier sibling takes all its events. | Raise its level, or make it a child of that sibling.
X803 | A condition that excludes the parent's. | Both can never hold: the rule never fires. | Correct one of them.
X804 | A composite that does not count what it names. | The events are never stored, or are more than a manager remembers, or another composite counts them by the rule's id, which takes them from all groups. | Count the rule that the events end at; give it a level; ask for fewer events; count a rule one way only.
X805 | A list that is not there. | The manager drops the rule. | Add the list, and its line in ossec.conf.
X806 | A file that a manager could not read. | It skips the file with one warning. | Set owner root:wazuh and mode 0660.
X807 | A text that does not mean what it seems to mean. | OS_Regex and OS_Match read it differently from PCRE. | Write `type="pcre2"`.
X808 | A text that the server API would change or refuse. | `<` and `&` cannot be uploaded in a usable form. | Write `\\x3c`, `\\x26` in a PCRE2 expression.
X809 | A decoder's name that no event has. | A child decoder bears its parent's name: the rule never matches. | Name the parent, or set `use_own_name`.
X810 | More lists than Wazuh tests. | Only the last two count. | Move one to a child rule.
X811 | A second ruleset block in ossec.conf. | Each block starts afresh: folders that the last one does not name are off, etc/rules and etc/decoders among them. | Merge it into the first block.
X812 | A PCRE2 regex of a decoder whose groups can all stay out of a match. | A manager then fills its fields from what it captured before, in the prematch, the program name or an earlier event, and has been seen to crash. | Let one group take part in every match.
X813 | A PCRE2 prematch that can be empty, and a regex that reads what is behind it. | A manager looks at the byte before the end of a match: where an event has no program, nothing is behind an empty match at its beginning. | Let the prematch take the first character, or drop the offset.
X814 | A search of all events (`if_matched_regex`, `if_matched_sid` 0) for each agent by itself. | A manager never comes back from it once it meets a remembered event of another agent: no event is judged any more. | Add `<global_frequency/>`, or count a rule or a group.
X815 | A MITRE id that a manager does not find: unknown, retired by ATT&CK, or a tactic of another technique. | The alert lacks `rule.mitre` or a part of it, and every such alert is logged with a warning. | Name a live technique of ATT&CK 13.1.
X816 | A composite that counts the events of a rule several times. | A manager keeps an event once for each rule that its rule hangs on: with two parents a frequency of four is reached by the third event. | Hang the counted rule on one rule, or count one that hangs on one.
X817 | A child of a decoder that reads events by a plugin, as the stock `json` does. | A decoder with children never runs its own plugin: with the child loaded, JSON events lose their fields, and all rules on them are silent. | Remove the child and test the fields in rules.
X818 | A decoder that never runs: an earlier child of the same parent takes its events. | A child without prematch takes every event, and so does the first of two with one prematch; nobody says that the others are idle. | Give each child a prematch of its own, the narrow ones first.
X819 | A root decoder that never runs: an earlier one takes its events, as the stock `json` takes every text that begins with `{"`. | Its name and its fields are in no event, and rules with its name in `decoded_as` never match. | Test the fields of the decoder that takes them.
X820 | A PCRE2 pattern reaches the limit of the library on a subject made from it. | A manager takes that as no match: whoever writes the log switches the rule off with a few hundred bytes, and holds an analysis thread meanwhile. | Bound or anchor the repeated parts, make them possessive (`[^/]*+`), or test one word at a time.
X821 | A PCRE2 pattern costs more than twenty times what a usual pattern costs on as many bytes. | Whoever writes the log can hold an analysis thread. | As for X820.
X822 | The cost of a PCRE2 pattern grows faster than its subject: 64 KiB cost more than six times 16 KiB. | As for X821, with longer events. | As for X820.
X823 | A decoder whose regex begins with the prematch and has an offset. | The offset begins after the prematch, so that the regex looks for the same text once more and finds none: no field is filled. | Remove the beginning, or the offset.
X824 | `address_match_key_value`, which Wazuh 4 has the wrong way round. | It holds where the list has no such address, or another value: the rule fires on all addresses but the meant ones. | Use `address_match_key`, with a list for each value.
X825 | A `<field>` in a composite rule that hangs on what it counts. | Only the last event is tested; those that were counted before may have any value. | Test it in a child of the counted rule, and count that child.
X826 | `same_field` or `different_field` on what is no decoded field. | `hostname`, `location`, `agent.name` and static fields such as `srcip` are no dynamic fields: with `same_field` the rule never fires, and `different_field` compares nothing. | Write `<same_location />`, `<same_srcip />`, or name a dynamic field.
X827 | A list on a field that these events never have. | The lookup fails on every event, and the negated one, too. | Name the field that the decoder fills; `user` stands for `srcuser` and `dstuser`.
X840 | A test that the new stock rules or decoders break. | Something of theirs takes the event first: after the manager's upgrade the rule would be silent. | Wait for a version of wazuh-cicd that knows them, or overwrite the stock rule.
X841 | What a manager would say of our rules with the new stock rules. | Most such warnings mean that a rule is dropped. | Wait for a version of wazuh-cicd that knows them; move our ids with `--id-base` where they collide.
X842 | A stock rule that ours hang on reads otherwise, or is gone. | Ours see other events than before. | Compare the two texts; the tests of our rules (X840) tell whether it matters.
"""  # noqa: E501 - one line a code reads best


def _parse(table: str) -> dict[str, Code]:
    codes = {}
    for line in table.strip().splitlines():
        code, title, why, mend = (part.strip() for part in line.split(" | "))
        codes[code] = Code(code, title, why, mend)
    return codes


CODES = _parse(_TABLE)

_SECTIONS = {
    "Y": ("YAML", "The text cannot be read."),
    "S": ("Shape of a spec", "A key or a value is not what the grammar asks for (`docs/specs.md`)."),
    "R": ("Rules and their links", "Ids, names, parents, counted rules, techniques, controls."),
    "M": ("Matchers", "Conditions that Wazuh could not test exactly."),
    "T": ("Tests", "Tests that would prove nothing."),
    "D": ("Decoders", "Decoders that Wazuh would refuse or run differently."),
    "L": ("Lists and the lock of ids", "CDB lists, and `rules/ids.lock`."),
    "H": (
        "House rules",
        "What makes an alert worth reading and a test worth having. A rule may waive one: `waive: {H701: reason}`.",
    ),
    "F": ("Stale names", "What `wazuh-cicd check --fresh` says: the specs' names beside what their sources document."),
    "X": ("A Wazuh ruleset: what a manager never says", "It loads without a word and does not work."),
}
_MANAGER = """## What a manager says

Codes of four digits are the manager's own (`7612`, `1226`, ...), with its wording; `load` stands where it gives none.
Our place stands beside it. Warnings of the 76xx kind mean in most cases that a rule was dropped, while the manager
starts as if nothing had happened; for our own specs they are errors.
"""

_HEAD = """What `wazuh-cicd check` and `wazuh-cicd build` say, what follows from it, and how to mend it. A finding is
one line, `file:line:column CODE what is wrong; how to mend it`. Codes are stable: one that is given up is not used
again. This page is written from the table in `generator/wazuh_cicd/spec/codes.py` (`python -m wazuh_cicd.spec.codes`).
"""


def markdown() -> str:
    """The page ``docs/codes.md``."""
    out = ["# Codes\n"]
    out.append(_HEAD)
    for letter, (title, about) in _SECTIONS.items():
        out.append(f"## {title}\n\n{about}\n")
        out += [
            f"### {code.code}\n\n{code.title} {code.why}\n\n*Mend:* {code.mend}\n"
            for code in CODES.values()
            if code.code[0] == letter
        ]
    out.append(_MANAGER)
    return "\n".join(out)


if __name__ == "__main__":
    import sys

    sys.stdout.write(markdown())
