"""What `--help` of both programs names: options, commands, which options stand together, and words that options take. Both
shells are asked for the same."""
import os
import re
import subprocess

SRCDIR = os.path.abspath(os.environ.get("srcdir", "."))
BUILD = os.path.abspath(os.environ.get("builddir", "build"))
FILES = ("office.rules", "of course.rules", "old.pcap")


class Usage:
    def __init__(self, program):
        self.text = subprocess.run([os.path.join(BUILD, program), "--help"], capture_output=True, text=True, check=True).stdout
        self.short = dict(re.findall(r"^ +(-\w), (--[a-z]+)", self.text, re.M))
        # What a command takes stands below it, far to the right.
        self.below = {command: set(re.findall(r"^ {12}(?:-\w, )?(--[a-z-]+)", lines, re.M))
                      for command, lines in re.findall(r"^  ([a-z]+) .*\n((?: {12}.*\n)*)", self.text, re.M)}
        self.commands = set(self.below)
        self.options = set(re.findall(r"--[a-z-]+", self.text)) - set().union(*self.below.values())

    def with_short(self, options):
        """OPTIONS, and the short forms of those that have one."""
        return options | {short for short, option in self.short.items() if option in options}

    def lines(self):
        """The options of each line of the usage, the first of them first; a line may go on in the next."""
        usage = re.sub(r"\n {20,}", " ", self.text[:self.text.index("\n\n")])
        for line in usage.splitlines():
            yield [self.short.get(option, option) for option in re.findall(r"(?<![\w-])(--[a-z]+|-[A-Za-z])\b", line)]


def spid_cases():
    """(words, what completing the last of them offers): the options without their short forms."""
    usage = Usage("spid")
    daemon, *works, about = usage.lines()
    about = set(about)
    begin = set(daemon) | {work[0] for work in works} | about
    taken = {"--replay": ["old.pcap"], "--explain": ["10.0.0.1 to ::1 tcp 80"], "--diff": ["office.rules", "of course.rules"]}
    cases = [(["-"], begin), (["--c"], {option for option in begin if option.startswith("--c")}),
             (["-f", "-"], set(daemon) - {"--foreground"}),
             (["-q", "0-1", "-c", "office.rules", "--"], set(daemon) - {"--queue", "--config"}),
             (["--netns", "blue", "--mark", "1", "-"], set(daemon) - {"--netns", "--mark"})]
    for work in works:
        cases.append(([work[0]] + taken.get(work[0], []) + ["-"], set(work[1:])))
    offered = set().union(*(options for _, options in cases))
    assert offered == usage.options and len(works) == 6, f"the usage and the list of options differ: {offered ^ usage.options}"
    # A hook's chains and what to do about checksums stand in the usage as words.
    chains = set(re.findall(r"\w+", re.search(r"queue these chains \((.*?)\)", usage.text)[1])) - {"or"}
    sums = set(re.search(r"--checksums (\S+)\]", usage.text)[1].split("|"))
    cases += [(["-H", ""], chains), (["--hook", "forward,"], {"forward," + chain for chain in chains - {"forward", "none"}}),
              (["-r", "old.pcap", "--checksums", ""], sums),
              (["--check", "of"], {"office.rules", "of course.rules"}), (["-c", "off"], {"office.rules"}),
              (["--preflight", "-q", "0", "--"], {"--config", "--hook", "--socket", "--netns", "--json"}), (["--mark", ""], set()),
              (["--diff", "office.rules", "of c"], {"of course.rules"}), (["-r", "o"], {"old.pcap"}), (["--explain", "o"], set())]
    return cases


def spidctl_cases():
    usage = Usage("spidctl")
    assert len(usage.commands) > 3
    reload = usage.below["reload"]
    assert reload == {"--confirm", "--dry-run"}
    failures = set(re.split(", | or ", re.search(r"^  rehearse .*: (.*)$", usage.text, re.M)[1]))
    return [(["rehearse", ""], failures), (["rehearse", "overload", ""], set()), (["stop", "-"], usage.options | {"--open"}),
            ([""], usage.commands), (["--json", "st"], {one for one in usage.commands if one.startswith("st")}),
            (["-"], usage.options), (["--json", "-"], usage.options - {"--json"}),
            (["-S", "ol"], {"old.pcap"}), (["-S", "old.pcap", "rel"], {"reload"}), (["status", "st"], set()),
            (["help", "st"], {one for one in usage.commands if one.startswith("st")}), (["help", "status", "st"], set()),
            (["status", "-"], usage.options), (["reload", "--confirm", ""], set()),
            (["drops", "-"], usage.options | {"--number"}), (["drops", "-n", "5", "-"], usage.options),
            (["drops", "-n", ""], set()), (["reload", "-"], usage.options | reload), (["--json", "reload", "--d"], {"--dry-run"})] + [
            (["reload", *one, "-"], usage.options) for one in (["--dry-run"], ["--confirm", "5"])]


def failures(completed, short):
    """COMPLETED(words) answers with what the shell offers for the last word; SHORT: options in their short form, too."""
    for program, cases in (("spid", spid_cases()), ("spidctl", spidctl_cases())):
        usage = Usage(program)
        for words, wanted in cases:
            if short and words[-1] == "-":
                wanted = usage.with_short(wanted)
            offered = completed([program] + words)
            if offered != wanted:
                yield f"'{' '.join([program] + words)}': offered {sorted(offered)}, expected {sorted(wanted)}"
