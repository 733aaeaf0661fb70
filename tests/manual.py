"""The literal blocks of the manual: what stands between .Bd -literal and .Ed, as a reader sees it, with its place."""
import os
import re

SRCDIR = os.environ.get("srcdir", ".")


class Block:
    def __init__(self, path, line, section, said):
        self.path, self.line, self.section = path, line, section
        self.said = said        # the line of the manual right before the block
        self.lines = []

    @property
    def place(self):
        return f"{os.path.relpath(self.path, SRCDIR)}:{self.line}"

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)


def unescaped(line):
    return line.replace("\\&", "").replace("\\e", "\\").replace("\\-", "-").replace("\\(dq", '"')


def blocks(path):
    """Every literal block of a page."""
    section, before, block = "", "", None
    with open(path, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            line = line.rstrip("\n")
            if block is not None and line == ".Ed":
                yield block
                block = None
            elif block is not None:
                block.lines.append(unescaped(line))
            elif line.startswith(".Bd -literal"):
                block = Block(path, number + 1, section, before)
            elif line.startswith(".Sh "):
                section = re.sub(r'^\.Sh "?(.*?)"?$', r"\1", line)
            before = line
