"""Reads a tutorial of docs/: its fenced blocks, in order, as steps. Runs nothing.

A fence's words say what stands in the block:

    ```machines          the machines of the lab, see Machines; the first block of a file, and one only
    ```rules FILE        the file, whole; `rules FILE more`: its continuation
    ```console           commands and what they say; `console NAME`: in a further terminal of this name, see below

In a console `MACHINE# COMMAND` (or `MACHINE$ COMMAND`) is run on that machine, and says exactly the lines below it,
save that blanks count as one; `...` stands for anything, on a line of its own also for nothing. Where nothing else is
shown the command must succeed. What only looks at the daemon is asked again for a while until it says so.

In a further terminal a command runs on while the blocks behind it are run, and its lines are those that it says besides
others, in this order. A block without a command waits for further lines of the one that runs there; commands are typed
into it; `^C` interrupts it and `exit` is typed, and both wait for its end.
"""
import re

FENCE = "```"
PROMPT = re.compile(r"([a-z]+)[#$] (.+)")
KINDS = {"machines": 0, "rules": 1, "console": 0}


class Fault(Exception):
    """A tutorial that is not written as the head of this file says, or does not say the truth."""


class Command:
    def __init__(self, line, machine, words):
        self.line, self.machine, self.words = line, machine, words
        self.said = []

    def shows(self):
        """Is anything shown of what it says?"""
        return any(line.strip() not in ("", "...") for line in self.said)


class Block:
    def __init__(self, line, kind, words):
        self.line, self.kind, self.words, self.lines = line, kind, words, []

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    def commands(self):
        """What stands before the first prompt, and the commands with what they say."""
        before, commands = [], []
        for number, line in enumerate(self.lines, self.line + 1):
            found = PROMPT.fullmatch(line)
            if found:
                commands.append(Command(number, *found.groups()))
            else:
                (commands[-1].said if commands else before).append(line)
        return before, commands


def blocks(path):
    """The blocks of a tutorial, in order."""
    found, block = [], None
    with open(path, encoding="utf-8") as tutorial:
        for number, line in enumerate(tutorial, 1):
            line = line.rstrip("\n")
            if block is not None and line == FENCE:
                found.append(block)
                block = None
            elif block is not None:
                block.lines.append(line)
            elif line.startswith(FENCE):
                kind, *words = line[len(FENCE):].split() or [""]
                if kind not in KINDS or len(words) < KINDS[kind]:
                    raise Fault(f"line {number}: '{line}': see the head of tests/tutorial.py")
                block = Block(number, kind, words)
    if block is not None:
        raise Fault(f"line {block.line}: the block has no end")
    if not found or [block.kind for block in found].index("machines") != 0:
        raise Fault("the first block says which machines there are")
    return found


class Machines:
    """The lab's plan, one line an interface, a service or a route:

        NAME INTERFACE ADDRESS/LENGTH ...      networks are those that these name; who has 1 at the end leads out of one
        NAME serves http PORT ..., ssh
        NAME leads to PREFIX by ADDRESS
    """

    def __init__(self, block):
        self.names, self.interfaces, self.services, self.routes = [], [], [], []
        for number, line in enumerate(block.lines, block.line + 1):
            name, *words = line.split() or [""]
            if name not in self.names:
                self.names.append(name)
            if words[:1] == ["serves"]:
                self.services += [(name, *part.split()) for part in " ".join(words[1:]).split(",")]
            elif words[:2] == ["leads", "to"] and len(words) == 5:
                self.routes.append((name, words[2], words[4]))
            elif len(words) > 1:
                self.interfaces.append((name, words[0], [word.strip(",") for word in words[1:]]))
            else:
                raise Fault(f"line {number}: '{line}' is no interface, service or route")


def pattern(lines):
    """What is shown, as an expression for what was said (squeezed)."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)?")
        else:
            parts.append(".*?".join(re.escape(part) for part in squeezed(line).split("...")) + r"\n")
    return re.compile("".join(parts), re.S)


def squeezed(text):
    """Blanks as one, none at the end of a line."""
    return re.sub(r"[ \t]+", " ", text).replace(" \n", "\n").rstrip(" ")
