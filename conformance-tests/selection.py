"""Which tests of a suite run."""

import fnmatch


def matches(test, patterns):
    return any(fnmatch.fnmatchcase(test, pattern) for pattern in patterns)


def asked_for(test, context):
    return fnmatch.fnmatchcase(test, context.only or '*')
