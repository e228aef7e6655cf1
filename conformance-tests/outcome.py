"""What a suite hands back for each test, and how a list of expected failures changes its meaning."""

import dataclasses
import fnmatch

PASSED = 'passed'
FAILED = 'failed'
SKIPPED = 'skipped'
EXPECTED_FAILURE = 'expected failure'
UNEXPECTED_PASS = 'unexpected pass'


@dataclasses.dataclass
class Outcome:
    suite: str
    test: str
    status: str
    seconds: float = 0.0
    message: str = ''
    reason: str = ''

    @property
    def breaks_the_run(self):
        return self.status in (FAILED, UNEXPECTED_PASS)


@dataclasses.dataclass(frozen=True)
class ExpectedFailure:
    suite_glob: str
    test: str
    reason: str
    line: int

    def covers(self, outcome):
        return outcome.test == self.test and fnmatch.fnmatchcase(outcome.suite, self.suite_glob)


class ExpectedFailures:
    """Lines of `suite-glob test-id  # reason`; empty lines and lines starting with # are comments."""

    def __init__(self, path):
        self.path = path
        self.entries = []
        with open(path, encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                if line.strip() and not line.lstrip().startswith('#'):
                    self.entries.append(self._parse(line, number))

    def _parse(self, line, number):
        test, _, reason = line.partition('#')
        words = test.split()
        if len(words) != 2 or not reason.strip():
            raise ValueError(
                f'{self.path}:{number}: expected "suite-glob test-id  # reason", got {line.strip()!r}')
        return ExpectedFailure(words[0], words[1], reason.strip(), number)

    def apply(self, outcome):
        entry = next((e for e in self.entries if e.covers(outcome)), None)
        if entry is None or outcome.status == SKIPPED:
            return outcome
        status = UNEXPECTED_PASS if outcome.status == PASSED else EXPECTED_FAILURE
        return dataclasses.replace(outcome, status=status, reason=entry.reason)

    def naming_no_test(self, outcomes, suites):
        """Entries for one of the suites that cover none of the outcomes: their test has gone."""
        return [
            e for e in self.entries
            if any(fnmatch.fnmatchcase(s, e.suite_glob) for s in suites)
            and not any(e.covers(o) for o in outcomes)
        ]
