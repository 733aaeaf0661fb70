"""The words of the rule language, read from the code that decides of them; and rules files as words of a kind each, told
apart here and by nothing that an editor uses."""
import glob
import ipaddress
import os
import re

SRCDIR = os.environ.get("srcdir", ".")
SITUATIONS = sorted(os.path.relpath(path, SRCDIR)
                    for path in glob.glob(os.path.join(SRCDIR, "tests/rules/situations/*.rules")))

# What the situations have no use for.
SAMPLE = """\
include "more.rules"
set far = 2001:db8::1-2001:db8::ff, ::/0, ::1, 10.0.0.1-10.0.0.9, 1:2:3:4:5:6:7:8, prefix(lan)::9, prefix("my lan")::10
set named = dns "example.com", "example.org"
service odd = proto 99, sctp { 1-1023, 4000 }
schedule work = mon-fri 08:00-18:00, sat 08:00:00-12:30:00
timeout tcp.established 2h, udp.new 500ms, icmp 60s
adaptive start 60% end 90%
no implicit nd
allow any to fast-tcp port web as "a # in a string" # a "string" in a comment
audit any@eth0.100 to !far tcp flags syn/syn,ack mark 0x10/0xff expires 2027-02-28 log 10/s
deny any to any flags none/fin mark 0x1
allow any to any tcp 554 alg rtsp strict media limit new 15/5s per source \\
  overload abusers for 1d flush
test "at work" 10.0.0.1 to ::1 tcp 80 at "2027-02-28 10:00" expect deny by default then reply expect deny
zone allow-me = eth1
"""


def read(path):
    with open(os.path.join(SRCDIR, path), encoding="utf-8") as file:
        return file.read()


def reserved_words():
    """The lexer's table: {word: (token, what it is)}."""
    return {word: (token, kind) for word, token, kind in
            re.findall(r'^    \{"(\w+)", (T_\w+), ([\w| ]+)\}', read("src/parser/lexer.l"), re.M)}


def context_words():
    """Words that mean something in their place only: those that the parser compares with, and the tables that it searches."""
    words = set()
    for path in glob.glob(os.path.join(SRCDIR, "src/parser/*.[cly]")):
        text = read(os.path.relpath(path, SRCDIR))
        words |= set(re.findall(r'(?:strcmp\([^"()]*|strcmp\([^"()]*\.text, |context_word\([^"]*)"([a-z-]+)"\)', text))
    for path, table in (("src/parser/check.c", r"events\[\] = \{(.*?)\};"), ("src/parser/words.c", r"names\[7\]\[4\] = \{(.*?)\}"),
                        ("src/packet/transport.c", r"names\[TCP_FLAG_COUNT\] = \{(.*?)\};"),
                        ("src/packet/verdict.c", r"names\[CHAIN_COUNT\] = \{(.*?)\}"), ("src/packet/timeouts.def", "(.*)"),
                        ("src/packet/algs.def", "(.*)")):
        entries = re.search(table, re.sub(r"/\*.*?\*/", "", read(path), flags=re.S), re.S)[1]
        found = re.findall(r'"([a-z0-9.-]+)"', entries)
        assert found, f"{path}: no words in the table"
        words |= set(found)
    return words - set(reserved_words())


def is_address(text):
    try:
        for part in re.split("[-/]", text)[:2]:
            ipaddress.ip_address(part) if not part.isdigit() else None
        return "." in text or ":" in text
    except ValueError:
        return False


def words(text):
    """(line, column, text, kind) of everything that is no blank; columns count characters from 0. Kinds are reserved, context,
    name, number, address, string, comment, mark."""
    reserved, context = reserved_words(), context_words()
    word_of = re.compile(r"""(#.*)|("[^"]*")|(prefix\([^)]*\)[\w:]*)|([,{}@!=\\])|((?<=flags )\S+)|[\w:.][\w:./+%-]*""")
    for number, line in enumerate(text.splitlines(), 1):
        for found in word_of.finditer(line):
            word = found[0]
            if found.lastindex:
                kind = ("comment", "string", "address", "mark", "context")[found.lastindex - 1]
            elif word in reserved:
                kind = "reserved"
            elif word in context or set(word.split("-")) <= context:
                kind = "context"
            else:
                kind = "address" if is_address(word) else "number" if word[0].isdigit() else "name"
            yield number, found.start(), word, kind
