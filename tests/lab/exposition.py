"""Reads the text that `spidctl metrics` gives, strictly, in both of its forms: each sample belongs to a family that was described
just before, nothing is said twice, and numbers are numbers. Its own reader, because the usual ones are not on every machine."""
import re

NAME = r"[a-z][a-z0-9_]*"
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\d+(?:\.\d+)?(?:e\+\d+)?)")
DESCRIPTION = re.compile(rf"# (HELP|TYPE|UNIT) ({NAME}) (\S.*)")


class Family:
    def __init__(self, name):
        self.name, self.said, self.samples = name, {}, {}

    def sample_name(self, openmetrics):
        return self.name + ("_total" if openmetrics and self.said.get("TYPE") == "counter" else "")

    def check(self, openmetrics):
        assert set(self.said) >= {"HELP", "TYPE"}, f"{self.name}: only {set(self.said)}"
        assert self.said["TYPE"] in ("counter", "gauge"), self.said
        assert self.said["HELP"].endswith("."), self.said
        if "UNIT" in self.said:
            assert self.name.endswith("_" + self.said["UNIT"]), f"{self.name} in {self.said['UNIT']}"
        counter = self.said["TYPE"] == "counter"
        assert self.name.endswith("_total") == (counter and not openmetrics), self.name
        unit = self.name.removesuffix("_total").rsplit("_", 1)[1]
        if unit in ("bytes", "seconds") and (openmetrics or not counter):
            assert self.said.get("UNIT") == unit, f"{self.name} has no unit"


def read(text, openmetrics):
    """{sample name: {labels as a frozenset of (key, value): number}}; AssertionError where the text is not right."""
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1, "the end is missing"
    families, family = {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("#"):
            what, name, words = DESCRIPTION.fullmatch(line).groups()
            if family is None or name != family.name:
                assert name not in families, f"{name} is described twice"
                family = families[name] = Family(name)
            assert what not in family.said and not family.samples, line
            family.said[what] = words
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        assert found[1] == family.sample_name(openmetrics), f"{line} stands in {family.name}"
        pairs = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', found[2] or "")
        labels = frozenset((key, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)) for key, value in pairs)
        assert len(labels) == len(pairs) == len({key for key, _ in pairs}), line
        assert labels not in family.samples, f"{line} is said twice"
        family.samples[labels] = float(found[3])
    for one in families.values():
        one.check(openmetrics)
    for one in families.values():
        sample = one.sample_name(openmetrics)
        assert sample == one.name or sample not in families, f"{sample} is a family of its own, too"
    return {one.sample_name(openmetrics): one.samples for one in families.values()}
