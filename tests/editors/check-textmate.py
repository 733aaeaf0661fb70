#!/usr/bin/env python3
"""Reads rules files with the TextMate grammar as an editor does: of all patterns the match that begins first counts, of several
there the first pattern's. Every word has the scope of its kind, whole, and no word touches two scopes.

The expressions are compiled as Python's: the grammar keeps to what Python's and Oniguruma (VS Code's) read alike."""
import json
import os
import re
import sys

import language

GRAMMAR = "editors/vscode/syntaxes/spid.tmLanguage.json"
# What only one of the two reads, or what they read differently.
NOT_ALIKE = re.compile(r"\\[hHRXKGAZz]|\(\?[^:=!<]|\(\?<[^=!]|[*+?}]\+|&&|\[\[|\\[pP]|\$(?!$)")

SCOPES = {
    "reserved": ("keyword.control.action", "keyword.other.statement", "storage.modifier.option", "support.type.",
                 "keyword.operator.word"),
    "context": ("support.constant",), "number": ("constant.numeric",), "address": ("constant.other.address",),
    "string": ("string.quoted.double", "entity.name.type"), "comment": ("comment.line",), "mark": ("punctuation.separator",),
    "name": ("", "entity.name.type"),
}
# Words of the office's rules with the scope of each.
OFFICE_WORDS = {
    "# An office": "comment.line.number-sign.spid", "hook": "keyword.other.statement.spid", "forward": "support.constant.spid",
    "wan": "entity.name.type.spid", "net": "keyword.operator.word.spid", "192.168.10.0/24": "constant.other.address.ipv4.spid",
    "2001:db8:0:10::/64": "constant.other.address.ipv6.spid", "tcp": "support.type.protocol.spid", "2%": "constant.numeric.spid",
    '"abusers"': "string.quoted.double.spid", '"staff reach the web"': "string.quoted.double.title.spid",
    "priority": "storage.modifier.option.spid", "deny ": "keyword.control.action.spid",
}


def compiled(grammar, patterns, failures):
    """[(expression, {group: scope}), ...], includes followed; group 0 is the whole match."""
    out = []
    for pattern in patterns:
        if "include" in pattern:
            pattern = grammar["repository"][pattern["include"].removeprefix("#")]
        if "patterns" in pattern:
            out += compiled(grammar, pattern["patterns"], failures)
            continue
        if found := NOT_ALIKE.search(pattern["match"]):
            failures.append(f"{pattern['match']}: '{found[0]}' is read in several ways")
        scopes = {int(number): capture["name"] for number, capture in pattern.get("captures", {}).items()}
        if "name" in pattern:
            scopes[0] = pattern["name"]
        try:
            out.append((re.compile(pattern["match"]), scopes))
        except re.error as error:
            failures.append(f"{pattern['match']}: {error}")
    return out


def scopes_of(line, patterns):
    """The scope of each character, and which characters begin one."""
    scopes, begins, at = [""] * len(line), set(), 0
    while at < len(line):
        found = [(match.start(), number, match) for number, (expression, _) in enumerate(patterns)
                 if (match := expression.search(line, at)) and match.end() > match.start()]
        if not found:
            break
        _, number, match = min(found, key=lambda one: one[:2])
        for group, scope in patterns[number][1].items():
            scopes[match.start(group):match.end(group)] = [scope] * (match.end(group) - match.start(group))
            begins.add(match.start(group))
        at = match.end()
    return scopes, begins


def faults(name, text, patterns):
    lines = text.splitlines()
    coloured = [scopes_of(line, patterns) for line in lines]
    for number, column, word, kind in language.words(text):
        scopes, begins = coloured[number - 1]
        scope = set(scopes[column:column + len(word)])
        whole = len(scope) == 1 and not any(column < begin < column + len(word) for begin in begins)
        right = any(one == wanted or wanted and one.startswith(wanted) for one in scope for wanted in SCOPES[kind])
        if not whole or not right:
            yield f"{name}:{number}:{column + 1}: {kind} '{word}': scope '{' '.join(sorted(scope))}'"
    for word, wanted in OFFICE_WORDS.items() if name == "office.rules" else ():
        before = text[:text.index(word)]
        scope = coloured[before.count("\n")][0][len(before) - (before.rfind("\n") + 1)]
        if scope != wanted:
            yield f"{name}: '{word}': scope '{scope}', not '{wanted}'"


def main():
    failures = []
    grammar = json.loads(language.read(GRAMMAR))
    patterns = compiled(grammar, grammar["patterns"], failures)
    used = {one["include"].removeprefix("#") for one in grammar["patterns"]}
    failures += [f"the part '{part}' is included nowhere" for part in sorted(set(grammar["repository"]) - used)]
    texts = {os.path.basename(path): language.read(path) for path in language.SITUATIONS}
    texts["the sample"] = language.SAMPLE
    for name, text in texts.items():
        failures += faults(name, text, patterns)
    count = sum(len(list(language.words(text))) for text in texts.values())
    print("\n".join(failures[:40]) or f"{count} words in {len(texts)} files have their scope")
    return 1 if failures or len(texts) < 11 else 0


sys.exit(main())
