"""Rulesets and events that nobody would write: for properties of the evaluator, and to compare it with a manager."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hypothesis import strategies as st

words = st.sampled_from(["a", "b", "ab", "x", "", "A"])
names = st.sampled_from(["f", "g.h", "F"])
addresses = st.sampled_from(["192.0.2.1", "192.0.2.0/24", "!192.0.2.7", "2001:db8::/32"])
# Two tags of one name are glued into one pattern: what is here must bear it.
conditions = st.one_of(
    st.builds("<match>{}</match>".format, words),
    st.builds('<match negate="yes">{}</match>'.format, words),
    st.builds("<match>^{}|{}$</match>".format, words, words),
    st.builds(r"<regex>{}\S*{}</regex>".format, words, words),
    st.builds(r"<regex>{}\w+ |\d\p</regex>".format, words),
    st.builds('<field name="{}">^{}$</field>'.format, names, words),
    st.builds('<field name="{}" type="pcre2">^(?:{}|{})$</field>'.format, names, words, words),
    st.builds('<field name="{}" type="pcre2">{}[ab]+{}?</field>'.format, names, words, words),
    st.builds('<field name="{}" negate="yes">{}</field>'.format, names, words),
    st.builds("<user>{}</user>".format, words),
    st.builds("<srcip>{}</srcip>".format, addresses),
    st.builds("<program_name>^{}</program_name>".format, st.sampled_from(["app", "b"])),
    st.builds("<hostname>{}</hostname>".format, st.sampled_from(["h", "^h$", "other"])),
    st.just("<decoded_as>json</decoded_as>"),
    st.just("<action>a</action>"),
    st.just("<id>^1|^2</id>"),
)
compared = st.sampled_from(
    [
        "",
        "<same_user/>",
        "<same_source_ip/>",
        "<different_user/>",
        "<same_field>f</same_field>",
        "<different_field>g.h</different_field>",
        "<global_frequency/>",
    ]
)


@dataclass(frozen=True)
class Block:
    """Where generated rules live: their first id, and the group that all of them have."""

    first: int = 100000
    group: str = "conf"

    def relations(self) -> st.SearchStrategy[str]:
        """Relations to other rules of the block, itself included."""
        ids = st.integers(self.first, self.first + 12)
        groups = st.sampled_from([self.group, f"{self.group}1,", f"{self.group}2"])
        return st.one_of(
            st.just(""),
            st.builds("<if_sid>{}</if_sid>".format, ids),
            st.builds("<if_sid>{},{}</if_sid>".format, ids, ids),
            st.builds(
                "<if_level>{}</if_level>".format, st.integers(13, 16) if self.first > 100000 else st.integers(1, 16)
            ),
            st.builds("<if_group>{}</if_group>".format, groups),
            st.builds("<if_matched_sid>{}</if_matched_sid>".format, ids),
            st.builds("<if_matched_group>{}</if_matched_group>".format, groups),
        )

    @st.composite
    @staticmethod
    def _rules(draw: st.DrawFn, block: Block) -> list[str]:
        rules = []
        for number in range(draw(st.integers(1, 12))):
            relation = draw(block.relations())
            attributes = {"level": draw(st.integers(0, 16)), "noalert": draw(st.sampled_from([0, 0, 0, 1]))}
            body = relation + "".join(draw(st.lists(conditions, max_size=2)))
            if "if_matched" in relation:
                body += draw(compared)
                attributes |= {
                    "frequency": draw(st.integers(2, 4)),
                    "timeframe": 600,
                    "ignore": draw(st.sampled_from([0, 0, 5])),
                }
            overwrites = draw(st.integers(0, 9)) == 0 and number > 0
            if overwrites:
                attributes["overwrite"] = "yes"
            group = draw(st.sampled_from(["", f"{block.group}1,", f"{block.group}2,"]))
            shown = "".join(f' {name}="{value}"' for name, value in attributes.items())
            number_shown = block.first + number - overwrites
            body += f"<group>{group}</group><description>$(f) {number}</description>"
            rules.append(f'<rule id="{number_shown}"{shown}>{body}</rule>')
        return rules

    def rules(self) -> st.SearchStrategy[list[str]]:
        """Some rules, in the order of their file."""
        return Block._rules(self)


json_events = st.builds(
    lambda pairs: json.dumps(dict(pairs)),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["f", "g.h", "user", "action", "srcuser", "F"]), words),
            st.tuples(st.just("g"), st.builds(lambda word: {"h": word}, words)),
            st.tuples(st.just("srcip"), st.sampled_from(["192.0.2.1", "192.0.2.7", "2001:db8::1", "none"])),
            st.tuples(st.just("id"), st.integers(0, 30).map(str)),
            st.tuples(st.just("n"), st.sampled_from([1, 1.5, None, True, ["a", {"b": 1}], 3000000000])),
        ),
        min_size=1,
        max_size=5,
    ),
)
plain_events = st.builds(
    "{}{}".format,
    st.sampled_from(["", "Nov 13 10:00:01 h app: ", "Nov 13 10:00:01 h b: ", "Nov 13 10:00:01 h b[12]: "]),
    st.one_of(words, st.text("abAx 12.-", max_size=12)),
)
events = st.lists(st.one_of(json_events, plain_events), min_size=1, max_size=12)
