"""Compiles many files in one process. Standard input: lines "id TAB path"; standard output: "id TAB message" for
those that do not compile."""

import sys
import warnings

warnings.simplefilter("ignore")
for line in sys.stdin:
    number, path = line.rstrip("\n").split("\t", 1)
    try:
        with open(path, "rb") as f:
            compile(f.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as e:
        sys.stdout.write("%s\t%s\n" % (number, str(e).replace("\n", " ").replace("\t", " ")))
