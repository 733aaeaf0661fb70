# The files and tests of this kind.
