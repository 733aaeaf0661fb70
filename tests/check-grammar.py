#!/usr/bin/env python3
"""Holds the EBNF of spid.rules(5) against src/parser/grammar.y, both ways, and its words against the lexer's table.

grammar.y is read and written as EBNF: a list that grows at its left end becomes { }, an empty alternative [ ], two
alternatives that differ in one place one, a NAME that its action holds against fixed words those words. The manual must
have exactly these productions. Then sentences are drawn from the manual's grammar, words and all, and the parser must
find no syntax error in them.

    check-grammar.py [--print]      --print: the EBNF of grammar.y, to be put into the manual
"""
import calendar
import functools
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import manual

PAGE = os.path.join(manual.SRCDIR, "man/spid.rules.5")
GRAMMAR = os.path.join(manual.SRCDIR, "src/parser/grammar.y")
LEXER = os.path.join(manual.SRCDIR, "src/parser/lexer.l")
SENTENCES = 3000

# What the manual's `? ... ?` say in words, as examples.
SPECIAL = {
    "a letter from a to z": "abcxyz",
    "a letter from A to Z": "ABCXYZ",
    "a hexadecimal digit": "0129abcdefABCDEF",
    "an IPv6 address as in RFC 4291, section 2.2": ["::", "::1", "fd00:10::9", "2001:db8::", "1:2:3:4:5:6:7:8", "64:ff9b::10.0.0.1"],
    "a character other than a double quote, NUL or the end of the line": "aZ0_ .-/#{}=!\\'ä",
}

# An expression is ("word", text) | ("seq", [..]) | ("alt", [..]) | ("opt", x) | ("many", x).


def seq(parts):
    flat = []
    for part in parts:
        flat.extend(part[1] if part[0] == "seq" else [part])
    return flat[0] if len(flat) == 1 else ("seq", flat)


def alt(parts):
    flat = []
    for part in parts:
        flat.extend(part[1] if part[0] == "alt" else [part])
    return flat[0] if len(flat) == 1 else ("alt", flat)


def written(expression, inside=False):
    kind, value = expression
    if kind == "word":
        return value
    if kind == "seq":
        return " ".join(written(part, True) for part in value)
    if kind == "alt":
        text = " | ".join(written(part) for part in value)
        return f"( {text} )" if inside else text
    return ("[ %s ]" if kind == "opt" else "{ %s }") % written(value)


# ---- grammar.y ----

def tokens_of(text):
    """Words, 'c', marks, and actions with balanced braces."""
    at = 0
    while at < len(text):
        if text.startswith("/*", at):
            at = text.index("*/", at) + 2
        elif text[at] == "{":
            begin, depth = at, 0
            while True:
                literal = re.compile(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'').match(text, at)
                if literal:
                    at = literal.end()
                    continue
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
                if depth == 0:
                    break
            yield text[begin:at]
        else:
            found = re.compile(r"\s+|%?\w+|'[^']'|[:|;]").match(text, at)
            if not found:
                sys.exit(f"grammar.y: not understood: {text[at:at + 40]!r}")
            at = found.end()
            if not found[0].isspace():
                yield found[0]


def symbols_of(alternative, names):
    """The words of one alternative; None for those that only catch errors."""
    action = "".join(part for part in alternative if part[0] == "{")
    symbols = [part for part in alternative if part[0] != "{" and part != "%empty"]
    if "error" in symbols or symbols == ["ABANDONED"] or ("scanner_error(" in action and "if (" not in action):
        return None
    out = []
    for number, symbol in enumerate(symbols, 1):
        words = set(re.findall(rf'context_word\(scanner, &\${number}, "([^"]+)"\)', action) +
                    re.findall(rf'strcmp\(\${number}\.text, "([^"]+)"\) == 0', action))
        if words:
            out.append(alt([("word", f'"{word}"') for word in sorted(words)]))
        elif symbol[0] == "'":
            out.append(("word", f'"{symbol[1]}"'))
        else:
            out.append(("word", names.get(symbol, symbol.replace("_", "-"))))
    return out


def merged(a, b):
    """Two neighbours that differ in one place, as one; None when they do not."""
    first, shorter = 0, min(len(a), len(b))
    while first < shorter and a[first] == b[first]:
        first += 1
    last = 0
    while last < shorter - first and a[-1 - last] == b[-1 - last]:
        last += 1
    x, y = a[first:len(a) - last], b[first:len(b) - last]
    if first + last == 0:
        return None
    if not x or not y:
        return a[:first] + [("opt", seq(x or y))] + a[len(a) - last:]
    if len(x) == len(y) == 1 and first > 0:
        return a[:first] + [alt([x[0], y[0]])] + a[len(a) - last:]
    return None


def folded(alternatives):
    out = []
    for alternative in alternatives:
        while out and (one := merged(out[-1], alternative)) is not None:
            out.pop()
            alternative = one
        out.append(alternative)
    return alt([seq(alternative) for alternative in out])


def grammar_of(path):
    text = open(path, encoding="utf-8").read()
    names = {token: alias[1:-1].join('""') if alias[0] == "'" else token
             for token, alias in re.findall(r'(\w+) "([^"]+)"', text[:text.index("\n%%\n")])}
    rules, rule = {}, None
    for token in tokens_of(text.split("\n%%\n")[1]):
        if rule is None:
            rule, alternatives = token, [[]]
        elif token == "|":
            alternatives.append([])
        elif token == ";":
            mine = [symbols for part in alternatives if (symbols := symbols_of(part, names)) is not None]
            self = ("word", rule.replace("_", "-"))
            base = [symbols for symbols in mine if symbols[:1] != [self]]
            more = [symbols[1:] for symbols in mine if symbols[:1] == [self]]
            empty = [] in base
            base = [symbols for symbols in base if symbols]
            expression = folded(base) if base else None
            if empty and base:
                expression = ("opt", expression)
            if more:
                tail = ("many", folded(more))
                expression = seq([expression, tail]) if base else tail
            rules[self[1]] = expression
            rule = None
        elif token != ":":
            alternatives[-1].append(token)
    return inlined(rules)


def replaced(expression, name, by):
    kind, value = expression
    if kind == "word":
        return by if value == name else expression
    if kind in ("seq", "alt"):
        parts = [replaced(part, name, by) for part in value]
        return seq(parts) if kind == "seq" else alt(parts)
    return (kind, replaced(value, name, by))


def inlined(rules):
    """What is only an option, or only another name, stands where it is used."""
    for name in [name for name, value in rules.items() if value[0] == "opt" or (value[0] == "word" and value[1] in rules)]:
        by = rules.pop(name)
        rules = {other: replaced(value, name, by) for other, value in rules.items()}
    return rules


# ---- the manual ----

def parsed(text, place):
    """EBNF text to {name: expression}."""
    text = re.sub(r"\(\*.*?\*\)", " ", text, flags=re.S)
    words = re.findall(r'"[^"]*"|\'[^\']*\'|\?[^?]*\?|[\w-]+|[=|;()\[\]{}]|\S', text)
    at = 0

    def alternatives(end):
        nonlocal at
        out = [[]]
        while at < len(words) and words[at] != end:
            word = words[at]
            at += 1
            if word == "|":
                out.append([])
            elif word in "([{":
                inner = alternatives({"(": ")", "[": "]", "{": "}"}[word])
                out[-1].append(inner if word == "(" else ("opt" if word == "[" else "many", inner))
            elif word in ")]}=":
                sys.exit(f"{place}: '{word}' is out of place in the grammar, near {' '.join(words[at - 4:at])}")
            else:
                out[-1].append(("word", word))
        if at == len(words):
            sys.exit(f"{place}: the grammar ends without '{end}'")
        at += 1
        return alt([seq(part) for part in out])

    rules = {}
    while at < len(words):
        name = words[at]
        if words[at + 1:at + 2] != ["="]:
            sys.exit(f"{place}: '{name}' needs a '='")
        if name in rules:
            sys.exit(f"{place}: '{name}' is defined twice")
        at += 2
        rules[name] = alternatives(";")
    return rules


def compare(syntax, grammar):
    failures = 0
    for name in list(grammar) + [name for name in syntax if name not in grammar]:
        has = written(syntax[name]) if name in syntax else None
        wants = written(grammar[name]) if name in grammar else None
        if has != wants:
            failures += 1
            if has and wants and syntax[name][0] == grammar[name][0] == "alt":
                has, wants = ({written(part) for part in rules[name][1]} for rules in (syntax, grammar))
                has, wants = (" | ".join(sorted(mine - other)) for mine, other in ((has, wants), (wants, has)))
            print(f"{PAGE}: the production '{name}'\n  manual:    {has}\n  grammar.y: {wants}")
    return failures


def words_of(expression):
    if expression[0] == "word":
        return {expression[1]}
    return set().union(*map(words_of, expression[1])) if expression[0] in ("seq", "alt") else words_of(expression[1])


def compare_words(syntax, words):
    """Every token of the grammar is defined among the manual's words, and every word is used."""
    used = set().union(*map(words_of, list(syntax.values()) + list(words.values())))
    undefined = {word for word in used if word[0] not in "\"'?"} - set(syntax) - set(words)
    unused = set(words) - used
    for word in sorted(undefined | unused):
        print(f"{PAGE}: the word {word} is {'not defined' if word in undefined else 'used nowhere'}")
    return len(undefined | unused)


@functools.cache
def reserved():
    return set(re.findall(r'^    \{"(\w+)", T_', open(LEXER, encoding="utf-8").read(), re.M))


def compare_reserved(block):
    table = reserved()
    shown = set(block.text.split())
    for word in sorted(table ^ shown):
        print(f"{block.place}: the reserved word {word} stands only in {'lexer.l' if word in table else 'the manual'}")
    return len(table ^ shown)


# ---- sentences ----

def within_bounds(word, text):
    """What the manual says of a word in a comment."""
    if word == "NAME":
        return text not in reserved()
    if word == "DATE":
        year, month, day = map(int, text.split("-"))
        return day <= calendar.monthrange(year, month)[1]
    if word == "RATE":
        times, unit = re.fullmatch(r"\d+/(\d*)(\w+)", text).groups()
        return int(times or 1) * {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000}[unit] <= 30 * 86400000
    return True


def drawn(expression, rules, chance, depth=0):
    kind, value = expression
    if kind == "word" and value[0] in "\"'":
        return value[1:-1]
    if kind == "word" and value[0] == "?":
        return chance.choice(SPECIAL[value.strip("? ")])
    if kind == "word":
        text = drawn(rules[value], rules, chance, depth + 1)
        if not value.isupper():
            return text
        text = text.replace("\0", "")
        return text if within_bounds(value, text) else drawn(expression, rules, chance, depth)
    if kind == "seq":
        return "\0".join(drawn(part, rules, chance, depth) for part in value)
    if kind == "alt":
        return drawn(chance.choice(value if depth < 30 else value[:1]), rules, chance, depth)
    times = chance.randrange(2) if kind == "opt" else chance.choice([0, 0, 1, 1, 2, 3])
    return "\0".join(drawn(value, rules, chance, depth) for _ in range(times if depth < 30 else 0))


def faults():
    """What lexer and grammar say of text that has not the form of a statement, as one expression; that an option stands
    twice, the grammar's actions say."""
    texts = []
    for path in LEXER, GRAMMAR:
        texts += re.findall(r'CODE_SYNTAX,\s*"((?:[^"\\]|\\.)*)"', open(path, encoding="utf-8").read())
    kept = [re.sub(r"%\w+|%\.\*s", "\0", text) for text in texts if "twice" not in text and text.strip("%s")]
    return re.compile("|".join(".*".join(map(re.escape, text.split("\0"))) for text in kept), re.S)


def sentences(rules):
    """Statements drawn from the manual's grammar: lexer and grammar must find no fault with them."""
    chance = random.Random(4)
    statements = []
    while len(statements) < SENTENCES:
        text = re.sub("\0+", " ", drawn(("word", "statement"), rules, chance)).strip()
        # What `include` names is no matter of grammar; what `half-open` takes stands beside its production.
        if not re.match(r"include|limit half-open \w+ \w", text):
            statements.append(text)
    failures, fault = 0, faults()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "drawn.rules")
        for begin in range(0, SENTENCES, 50):
            some = statements[begin:begin + 50]
            open(path, "w").write("\n".join(some) + "\n")
            spid = os.path.join(os.environ.get("builddir", "build"), "spid")
            out = subprocess.run([spid, "--check", "--json", path], capture_output=True, text=True)
            if out.returncode not in (0, 1):
                print(f"spid ends with {out.returncode} on this file:\n" + "\n".join(some))
                return failures + 1
            for finding in json.loads(out.stdout)["findings"]:
                if finding["code"] == "syntax" and fault.match(finding["message"]):
                    failures += 1
                    print(f"{PAGE}: the grammar has '{some[finding['line'] - 1]}'\n  parser: {finding['message']}")
    return failures


def main():
    grammar = grammar_of(GRAMMAR)
    if "--print" in sys.argv:
        return print("\n".join(f"{name} = {written(value)} ;" for name, value in grammar.items()))
    found = [block for block in manual.blocks(PAGE) if block.section == "GRAMMAR"]
    if len(found) != 3:
        sys.exit(f"{PAGE}: the section GRAMMAR has three blocks (statements, words, reserved words), not {len(found)}")
    syntax, words = (parsed(block.text, block.place) for block in found[:2])
    failures = compare(syntax, grammar) + compare_words(syntax, words) + compare_reserved(found[2])
    failures = failures or sentences({**syntax, **words})
    print(f"{len(syntax)} productions, {len(words)} words, {SENTENCES} sentences, {failures} failures")
    return 1 if failures else 0


sys.exit(main())
