"""Rulesets, decoders and events made by chance from the whole vocabulary, to compare the evaluator with a manager.

Left out is what makes a manager hang or crash: agents together with a search of all events (it never ends), and groups
of a PCRE2 expression that take no part in a match (freed memory is read). Left out is also what depends on when it
happens. What ``check_diff`` remembers is on the manager's disk: those who compare take it away between cases.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

STATICS = (
    "srcip", "srcport", "srcuser", "user", "dstip", "dstport", "dstuser", "protocol", "action", "id", "url", "data",
    "extra_data", "status", "system_name",
)  # fmt: skip
TEXT_TAGS = (
    "id", "url", "user", "srcport", "dstport", "status", "hostname", "data", "extra_data", "program_name", "location",
    "system_name", "protocol",
)  # fmt: skip
DYNAMICS = ("f", "F", "g.h", "my.field", "x1")
WORDS = ("a", "b", "ab", "x", "A", "B", "1", "22", "user", "192.0.2.1", "fail", "ok", "é")
GROUPS = ("own", "own1", "own2", "other")
HEADERS = (
    "Nov 13 10:00:01 ",
    "2009-05-22 18:09:07,574 ",
    "2015-04-16T21:51:02+01:00 ",
    "2015-04-16T21:51:02.123+01:00 ",
    "2015-04-16T21:51:02.123456+01:00 ",
    "2015-04-16T21:51:02.123456789Z12",
    "2007 Jun 14 15:48:55 ",
    "2021-04-21 10:16:09.404756-0700 ",
    "Mon Apr 17 18:27:14 2006 1 ",
    "01/28-09:13:16.240702  ",
    "01/28/1979-09:13:16.240702  ",
    "[Fri Feb 11 18:06:35 2004] ",
    "[Time 2006.12.28 15:53:55 UTC] [Sender app] [Message ",
    "1140701044.525   1231 ",
)
NAMES = (
    "", "h ", "h app: ", "h app[1]: ", "h app:", "h  ", "app: ", "h app [1]: ", "h mail|x:y app: ",
    "h mail|x:y app[1] ", "h [ID 1 x] ", "h app: [ID 1 x] ", "h sshd[3]: ", "h b: ",
)  # fmt: skip
LOCATIONS = (
    "/var/log/x", "/var/log/x", "stdin", "a|b", "[001] (web) 192.0.2.1->/var/log/x", "[002] (db) any->/var/log/a",
    "[003] (x", "[004] (web) 192.0.2.1", "[005]", "[006] /x", "(web) 192.0.2.1->/l", "(web)", "(x",
    "[000] (web) 10.0.0.1->/l",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What is put on a manager, and the events with their locations.

    Attributes:
        rules, decoders: texts of files.
        events: (log, location).
    """

    rules: str
    decoders: str
    events: Sequence[tuple[str, str]]


def case(seed: int, first: int) -> Case:
    """Return the case of a seed.

    Args:
        seed: any number.
        first: the first id of the rules; twenty are used at most.
    """
    made = _Maker(random.Random(seed), first)  # noqa: S311 - chance, not secrets
    rules, decoders = made.rules(), made.decoders()
    alone = "if_matched_regex" in rules or "if_matched_sid>0<" in rules or "<if_matched_sid></" in rules
    pool = [made.event() for _ in range(made.random.randrange(1, 6))]
    count = made.random.randrange(2, 12)
    places = ("/var/log/x",) if alone or made.chance(0.6) else LOCATIONS
    return Case(rules, decoders, [(made.one(pool), made.one(places)) for _ in range(count)])


class _Maker:
    def __init__(self, chance: random.Random, first: int) -> None:
        self.random = chance
        self._first = first
        self._roots: list[str] = []

    def one(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _word(self) -> str:
        return self.one(WORDS)

    # -- patterns --

    def _os_match(self) -> str:
        one, other = self._word(), self._word()
        return self.one(
            [one, f"^{one}", f"{one}$", f"^{one}$", f"{one}|{other}", f"^{one}|{other}$", f"!{one}", f"{one} {other}"]
        )

    def _os_regex(self) -> str:
        one, other = self._word(), self._word()
        if self.chance(0.3):
            plain = [one, other, r"\w", r"\d", r"\s", r"\S", r"\p", r"\W", r"\D", r"\.", " ", "-", r"\t"]
            runs = [r"\w+", r"\S+", r"\d*", r"\s*", r"\.+", r"\.*"]
            pieces = [self.one(plain) for _ in range(self.random.randrange(1, 5))]
            if self.chance(0.5):
                pieces[self.random.randrange(len(pieces))] = self.one(runs)
            text = self.one(["", "", "^"]) + "".join(pieces) + self.one(["", "", "$"])
            return text if self.chance(0.8) else f"{text}|{one}"
        return self.one(
            [
                one, rf"{one}\S*{other}", r"\w+ |\d\p", rf"^{one}\.+", r"\d+$", rf"\S+ {one}", rf"{one}\s*{other}|x",
                r"\w\w", r"^\S+$", r"\D+\d", rf"{one}\t", rf"\.*{other}",
            ]
        )  # fmt: skip

    def _pcre2(self, *, groups: bool) -> str:
        one, other = self._word(), self._word()
        some = [
            one, f"^{one}$", f"^(?:{one}|{other})$", f"(?i){one}", f"{one}.*{other}", r"\d+", f"^[ab]+{one}?",
            f"(?!{one}){other}", rf"\b{one}\b", f"^(?!{one})", r"\w+$", rf"^\s*{one}",
        ]  # fmt: skip
        return self.one([*some, rf"({one})|({other})", r"(\S)\1"] if groups else some)

    def _pattern(self, tag: str, *, plain: str = "osmatch", more: str = "", groups: bool = True) -> str:
        kind = self.one([plain, "osmatch", "osregex", "pcre2"])
        made = {"osmatch": self._os_match, "osregex": self._os_regex}
        text = made[kind]() if kind in made else self._pcre2(groups=groups)
        kind = "" if kind == plain and self.chance(0.5) else f' type="{kind}"'
        return f"<{tag}{more}{kind}>{text.replace('<', chr(92) + '<')}</{tag.split(maxsplit=1)[0]}>"

    # -- rules --

    def _negated(self) -> str:
        return self.one(["", "", "", ' negate="yes"', ' negate="no"'])

    def _condition(self) -> str:
        kind = self.random.randrange(22)
        if kind < 4:
            return self._pattern("match", more=self._negated())
        if kind < 6:
            return self._pattern("regex", plain="osregex", more=self._negated())
        if kind < 11:
            return self._pattern("field", plain="osregex", more=f' name="{self.one(DYNAMICS)}"{self._negated()}')
        if kind < 15:
            return self._pattern(self.one(TEXT_TAGS), more=self._negated())
        if kind == 15:
            return f"<action{self._negated()}>{self._word()}</action>"
        if kind == 16:
            tag = self.one(["srcip", "dstip"])
            networks = ["192.0.2.1", "192.0.2.0/24", "!192.0.2.7", "2001:db8::/32", "any", "10.0.0.0/255.0.0.0", "::1"]
            return f"<{tag}{self._negated()}>{self.one(networks)}</{tag}>"
        if kind == 17:
            return f"<decoded_as>{self.one(['json', 'made0', 'made1', 'made2', 'made3'])}</decoded_as>"
        return self.one(
            [
                "<category>syslog</category>", "<category>ids</category>", "<category>web-log</category>", "<if_fts/>",
                "<options>no_full_log</options>", "<options>alert_by_email</options>", "<options>no_counter</options>",
                "<options>no_log</options>", "<options>no_email_alert</options>", "<info>i $(f)</info>",
                "<options>log_alert</options>", "<cve>CVE-1</cve>", "<mitre><id>T1086</id></mitre>",
                "<mitre><id>T1086</id><id>T1110</id></mitre>", "<check_diff/>", "<Check_Diff/>",
                "<mitre><tacticID>TA0002</tacticID><techniqueID>T1086</techniqueID></mitre>",
                "<group>a\n,b,</group>", "<description>one\ntwo\n </description>",
                '<info type="link">http://x</info>', "<mitre><id>T1110</id></mitre>",
                "<mitre><id>T9999</id><id>T1110</id></mitre>",
                "<mitre><tacticID>TA0006</tacticID><techniqueID>T1110</techniqueID></mitre>",
            ]
        )  # fmt: skip

    def _relation(self, number: int) -> str:
        def sid() -> int:
            return self._first + self.random.randrange(max(number, 1) + 2)

        kind = self.random.randrange(13)
        group = self.one(GROUPS)
        also = [
            f"<if_matched_group>{group}</if_matched_group>", "<if_matched_regex>a</if_matched_regex>",
            f"<if_matched_sid>{sid()}</if_matched_sid>",
        ]  # fmt: skip
        relations = {
            5: f"<if_sid>{sid()}, {sid()}</if_sid>",
            6: f"<if_level>{self.random.randrange(1, 17)}</if_level>",
            7: f"<if_group>{group}</if_group>",
            8: f"<if_matched_sid>{sid()}</if_matched_sid>",
            9: f"<if_matched_group>{group}</if_matched_group>",
            10: f"<if_sid>{sid()}</if_sid>{self.one(also)}",
            11: self.one(
                [
                    f"<if_matched_regex>{self._os_regex()}</if_matched_regex>",
                    "<if_matched_sid></if_matched_sid>",
                    "<if_matched_sid>0</if_matched_sid>",
                ]
            ),
            12: f"<if_group>{group}|{self.one(GROUPS)}</if_group>",
        }
        odd = ["<if_sid> </if_sid>", f"<if_sid>{sid()},</if_sid>", f"<if_sid> {sid()} </if_sid>", "<if_sid>,</if_sid>"]
        if kind > 1 and self.chance(0.06):
            return self.one(
                [*odd, "<if_level>x</if_level>", "<if_matched_sid>x</if_matched_sid>", "<if_sid>x</if_sid>"]
            )
        return relations.get(kind, "" if kind < 2 else f"<if_sid>{sid()}</if_sid>")

    def _compared(self) -> str:
        names = ("srcip", "user", "id", "location", "url", "status", "srcuser", "dstip", "data", "protocol", "action")
        return self.one(
            [
                f"<same_{self.one(names)}/>", f"<different_{self.one(names)}/>", "<same_source_ip/>", "<not_same_id/>",
                f"<same_field>{self.one(DYNAMICS)}</same_field>",
                f"<different_field>{self.one(DYNAMICS)}</different_field>",
                "<global_frequency/>", "", "<Same_Source_Ip/>", "<Same_Field>f</Same_Field>", "<check_diff/>",
            ]
        )  # fmt: skip

    def _rule(self, number: int) -> str:
        relation = self._relation(number)
        attributes: dict[str, object] = {"level": self.one([0, 0, 1, 2, 3, 3, 5, 5, 7, 9, 10, 12, 15, 16])}
        body = relation + "".join(self._condition() for _ in range(self.one([0, 0, 1, 1, 1, 2, 3])))
        if "if_matched" in relation:
            body += "".join(self._compared() for _ in range(self.one([0, 1, 1, 2])))
            if self.chance(0.9):
                attributes["frequency"] = self.one([2, 2, 3, 3, 4])
            if self.chance(0.8):
                attributes["timeframe"] = 600
        for name, probability, values in (
            ("ignore", 0.1, [600]),
            ("noalert", 0.1, [0, 1]),
            ("accuracy", 0.05, [0, 1]),
            ("maxsize", 0.04, [5, 20]),
        ):
            if self.chance(probability):
                attributes[name] = self.one(values)
        identity = self._first + number
        if number and self.chance(0.12):
            attributes["overwrite"] = "yes"
            identity = self._first + self.random.randrange(number)
        groups = ["own1,", "own2,", "own1", "other,own2,", "pci_dss_1.1,gdpr_a,", "own1,attack,", " own1, own2"]
        titles = [
            f"$(f) {number}", f"d {number}", f"$(srcip) $(user) {number}", f"$(g.h)$(nothing) {number}",
            f"$(hostname) $(program_name) {number}", f"$(id)-$(url)-$(data) {number}",
        ]  # fmt: skip
        parts = [
            body,
            *(f"<group>{self.one(groups)}</group>" for _ in range(self.one([0, 1, 1, 2]))),
            f"<description>{self.one(titles)}</description>",
        ]
        if self.chance(0.2):
            self.random.shuffle(parts)
        shown = list(attributes.items())
        self.random.shuffle(shown)
        written = "".join(f' {name}="{value}"' for name, value in shown)
        return f'<rule id="{identity}"{written}>{"".join(parts)}</rule>'

    def rules(self) -> str:
        """A file of rules, in one group or several."""
        rules = [self._rule(number) for number in range(self.random.randrange(1, 14))]
        text = ""
        while rules:
            count = self.random.randrange(1, len(rules) + 1)
            name = self.one(["own,", "own", "own,own1,", "other"])
            text += f'<group name="{name}">{"".join(rules[:count])}</group>\n'
            rules = rules[count:]
        if self.chance(0.1):
            text = text.replace("<match>", "<Match>").replace("</match>", "</Match>")
        if self.chance(0.15):
            text = '<var name="V">a</var>\n<var name="word">ab</var>\n' + text.replace(
                "</match>", self.one(["$V</match>", "|$word</match>", "</match>"])
            ).replace("<description>", self.one(["<description>", "<description>$(f) $V ", "<description>$word, "]))
        if self.chance(0.02):
            text = text.replace("<same_", self.one(["<Same_", "<same_"])).replace("<not_same_", "<Not_Same_")
        if self.chance(0.03):
            text = text.replace(' negate="', ' Negate="').replace(' type="', self.one([' Type="', ' type="']))
        if self.chance(0.1):
            text = text.replace("<match>", "<match> ").replace("<regex>", "<regex>\n").replace("<rule ", "<rule\n ")
        return text

    # -- decoders --

    def _regex(self, offsets: Sequence[str]) -> str:
        plain = [
            r"(\S+) (\S+)",
            r"(\w+)",
            r"from (\S+)",
            r"user (\S+) (\d+)",
            r"(\d+)\.(\d+)",
            r"^(\S+)",
            r"a(\w*)b|x(\w+)",
        ]
        perl = [r"(\S+) (\S+)", r"(\w+)", r"from (\S+)", r"(a|b) ?(x)?", r'"(\w+)"', r"^(\w+?)(\d*)", r"(?i)user (\S+)"]
        kind, text = ("", self.one(plain)) if self.chance(0.6) else (' type="pcre2"', self.one(perl))
        names = [self.one([*STATICS, *DYNAMICS]) for _ in range(text.count("(") - text.count("(?"))]
        made = f"<regex{kind}{self.one(offsets)}>{text}</regex><order>{self.one([',', ' , '])}</order>"
        if self.chance(0.06):  # the last order counts
            made = f"<order>url, f</order>{made}"
        made = made.replace("<order>,", "<order>" + ",".join(names)).replace(
            "<order> , ", "<order>" + " , ".join(names)
        )
        # What a first-time-seen key is made of: known names, and such as make a manager refuse the ruleset.
        fresh = [name for name in names if name != "user"]
        known = self.one([["name"], ["name", "srcip"], ["location", "user"], fresh, ["name", *fresh]])
        return made + (f"<fts>{', '.join(known)}</fts>" if known and self.chance(0.25) else "")

    def _decoder(self, number: int) -> str:
        name = f"made{number}" if number < 4 and self.chance(0.8) else f"made{self.random.randrange(4)}"
        parts: list[str] = []
        offsets = [""]
        child = bool(self._roots) and self.chance(0.55)
        if child:
            parts.append(f"<parent>{self.one(self._roots)}</parent>")
            offsets.append(' offset="after_parent"')
        elif self.chance(0.4):
            parts.append(self._pattern("program_name", groups=False))
        if self.chance(0.6 if child else 0.75) or not parts:
            offset = self.one(["", ' offset="after_parent"']) if child else ""
            parts.append(self._pattern("prematch", plain="osregex", more=offset, groups=False))
            offsets.append(' offset="after_prematch"')
        if self.chance(0.65):
            parts.append(self._regex(offsets))
        elif self.chance(0.3):
            parts.append(f"<plugin_decoder{self.one(offsets)}>JSON_Decoder</plugin_decoder>")
        if self.chance(0.1):
            parts.append("<use_own_name>true</use_own_name>")
        if self.chance(0.08):
            parts.append(f"<type>{self.one(['syslog', 'web-log', 'ids', 'firewall'])}</type>")
        if self.chance(0.04):
            parts.append(self.one(["<ftscomment>one</ftscomment><ftscomment>two</ftscomment>", "<Accumulate/>"]))
        if self.chance(0.05):
            null, array = self.one(["discard", "String"]), self.one(["csv", "CSV"])
            parts.append(
                f"<json_null_field>{null}</json_null_field><json_array_structure>{array}</json_array_structure>"
            )
        if not child:
            self._roots.append(name)
        return f'<decoder name="{name}">{"".join(parts)}</decoder>\n'

    def decoders(self) -> str:
        """A file of decoders."""
        if self.chance(0.3):
            return '<decoder name="made0"><prematch>^made</prematch></decoder>\n'
        return "".join(self._decoder(number) for number in range(self.random.randrange(1, 9)))

    # -- events --

    def _json(self) -> str:
        made: dict[str, object] = {}
        for _ in range(self.random.randrange(1, 6)):
            name, value = self.one(
                [
                    (self.one(["f", "F", "x1", "my.field"]), self._word()),
                    ("g", {"h": self._word()}),
                    (self.one(STATICS), self._word()),
                    ("srcip", self.one(["192.0.2.1", "192.0.2.7", "2001:db8::1", "none", "10.1.2.3"])),
                    ("my", {"field": self.one([self._word(), 1, None, True, ["a", "b"], []])}),
                    (self.one(["n", "f"]), self.one([1, 1.5, None, True, ["a", {"b": 1}], 3000000000, ""])),
                    (self.one(["user", "dstuser"]), self.one(["", self._word()])),
                    (self.one(["f", "id", "x1"]), self.one([[""], ["", ""], [self._word(), ""], [{}]])),
                    (self.one(["f", "url", "data"]), self.one(["[1, 2][1, 2]", "[1] x [2]", "[1]", "[1] ", '["a"]'])),
                ]
            )
            made[name] = value
        return json.dumps(made, ensure_ascii=False)

    def event(self) -> str:
        """One log."""
        if self.chance(0.4):
            return self._json()
        words = [*WORDS, "from", "user", "end", "1.2", '"a"', '{"f":"a"}']
        text = " ".join(self.one(words) for _ in range(self.random.randrange(1, 7)))
        if self.chance(0.4):
            return text
        return self.one(HEADERS) + self.one(NAMES) + text + self.one(["", "", " ", "\t", "]", "\r\n", "\x01"])
