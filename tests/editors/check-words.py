#!/usr/bin/env python3
"""Holds the words of the editors' syntax files against the lexer's table and the parser, both ways: all of them, none else,
each once and in the group of its kind. And what the VS Code extension says of itself: JSON, the files that it names, the
version."""
import json
import os
import re
import sys

import language

VIM = "editors/vim/syntax/spid.vim"
VSCODE = "editors/vscode"
GRAMMAR = f"{VSCODE}/syntaxes/spid.tmLanguage.json"

failures = []


def plain(pattern):
    """The words of an expression that are alternatives of each other, or stand alone in their brackets."""
    for group in re.findall(r"\((?:\?:)?((?:[a-z0-9.-]|\\\.)+(?:\|(?:[a-z0-9.-]|\\\.)+)*)[|)]", pattern):
        yield from (word.replace("\\.", ".") for word in group.split("|"))


def vim_words():
    """{group: [word, ...]}"""
    words = {}
    for line in language.read(VIM).splitlines():
        keywords = re.match(r"syntax keyword (\w+) (.*)", line)
        if keywords and "contained" not in line:
            words.setdefault(keywords[1], []).extend(keywords[2].split())
        elif matched := re.match(r"syntax match (\w+) /\\<(\w+)\\>/", line):
            words.setdefault(matched[1], []).append(matched[2])
        elif line.startswith(("let s:day", "let s:flags")):
            words.setdefault("spidContext", []).extend(plain(line.replace("%(", "(")))
    return words


def textmate_words():
    words = {}
    grammar = json.loads(language.read(GRAMMAR))["repository"]
    for part in grammar["reserved"]["patterns"] + grammar["context"]["patterns"] + [grammar["flags"]]:
        group = part.get("name", "support.constant").removesuffix(".spid")
        words.setdefault(group, []).extend(word for word in plain(part["match"]) if part.get("name") or word != "flags")
    return words


def compare(path, found, wanted, what):
    for word in sorted(set(found) ^ wanted):
        is_a, how = ("no", "listed") if word in found else ("a", "missing")
        failures.append(f"{path}: '{word}' is {is_a} {what}, and {how}")


def group_of(words, *names):
    return [word for name in names for word in words.pop(name, [])]


def check(path, words, to_come, statements, context):
    """WORDS is used up, group by group."""
    reserved = language.reserved_words()
    unbuilt = {word for word, (token, _) in reserved.items() if token == "T_RESERVED"} - {"prefix"}
    starting = {word for word, (_, kind) in reserved.items() if "STARTS_STATEMENT" in kind}
    places = [word for name in list(words) if name.startswith(context) for word in words.pop(name)]
    compare(path, places, language.context_words(), "word that the parser knows in its place")
    everything = [word for some in words.values() for word in some]
    compare(path, everything, set(reserved), "reserved word of lexer.l")
    compare(path, group_of(words, to_come), unbuilt, "reserved word that is not built")
    compare(path, group_of(words, *statements), starting, "word that starts a statement")
    for word in sorted({word for word in everything if everything.count(word) > 1}):
        failures.append(f"{path}: '{word}' is listed twice")


def check_extension():
    package = json.loads(language.read(f"{VSCODE}/package.json"))
    json.loads(language.read(f"{VSCODE}/language-configuration.json"))
    contributes = package["contributes"]
    for path in [one["path"] for one in contributes["grammars"]] + [one["configuration"] for one in contributes["languages"]]:
        if not os.path.exists(os.path.join(language.SRCDIR, VSCODE, path)):
            failures.append(f"{VSCODE}/package.json: names {path}, which is not there")
    scope = json.loads(language.read(GRAMMAR))["scopeName"]
    if contributes["grammars"][0]["scopeName"] != scope:
        failures.append(f"{VSCODE}/package.json: the grammar's scope is {scope}")
    version = re.search(r"AC_INIT\(\[spid\],\[(.*?)\]", language.read("configure.ac"))[1]
    if package["version"] != version:
        failures.append(f"{VSCODE}/package.json: version {package['version']}, spid's is {version}")


def main():
    check(VIM, vim_words(), "spidToCome", ("spidAction", "spidStatement"), "spidContext")
    check(GRAMMAR, textmate_words(), "invalid.illegal.to-come", ("keyword.control.action", "keyword.other.statement"),
          "support.constant")
    check_extension()
    counts = len(language.reserved_words()), len(language.context_words())
    print("\n".join(failures) or "%d reserved words, %d in their place" % counts)
    return 1 if failures else 0


sys.exit(main())
