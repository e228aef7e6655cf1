"""Environments the suites run in. Each is made once in the cache directory and kept over runs."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

# Apart from Beam itself: what upstream's test modules import.
PYTHON_TEST_PACKAGES = (
    'pytest==8.4.2',
    'pytest-timeout==2.4.0',
    'PyHamcrest==2.1.0',
    'parameterized==0.9.0',
    'mock==5.2.0',
    'tenacity==8.5.0',
    'cryptography==46.0.3',
)
# What cross-language tests, examples and notebooks import beside that.
XLANG_EXTRAS = 'yaml,interactive,dataframe'
XLANG_PACKAGES = (
    'beautifulsoup4==4.13.4',
    'kafka-python==2.2.15',
    'nbclient==0.10.2',
    'psycopg[binary]==3.2.10',
)
GO_SDK = 'github.com/apache/beam/sdks/v2'
# Beam's names of environments.
LOOPBACK = 'LOOPBACK'
PROCESS = 'PROCESS'
DOCKER = 'DOCKER'


class SetupError(Exception):
    """Something that the machine lacks; the text says what to install."""


def script(path, *lines):
    """Makes a program of the shell; returns its path."""
    path.write_text('\n'.join(['#!/bin/sh', *lines, '']))
    path.chmod(0o755)
    return str(path)


def cache_dir():
    root = os.environ.get('TRESTLE_CACHE') or pathlib.Path.home() / '.cache' / 'trestle'
    return pathlib.Path(root) / 'conformance'


@contextlib.contextmanager
def _locked(directory):
    directory.parent.mkdir(parents=True, exist_ok=True)
    with open(directory.parent / (directory.name + '.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python_with_beam(version):
    """Path of a Python that has apache-beam and the packages its tests import."""
    return _python(f'python-{version}', version, [f'apache-beam=={version}', *PYTHON_TEST_PACKAGES])


def python_for_xlang(version):
    """Path of a Python that has also what cross-language tests and examples import."""
    return _python(
        f'python-{version}-xlang', version,
        [f'apache-beam[{XLANG_EXTRAS}]=={version}', *PYTHON_TEST_PACKAGES, *XLANG_PACKAGES])


def _python(name, version, requirements):
    stamp_text = '\n'.join([sys.version, *requirements])
    directory = cache_dir() / name
    python = directory / 'bin' / 'python'
    stamp = directory / 'complete'
    with _locked(directory):
        if stamp.exists() and stamp.read_text() == stamp_text:
            return python
        if sys.version_info < (3, 10):
            raise SetupError(
                f'apache-beam {version} wants Python 3.10 or later, and python3 is '
                f'{sys.version.split()[0]}: install a later one and name it with '
                '-Dconformance.python=...')
        shutil.rmtree(directory, ignore_errors=True)
        made = _run([sys.executable, '-m', 'venv', str(directory)])
        if made.returncode:
            raise SetupError(
                'python3 cannot make virtual environments (on Debian: apt-get install '
                f'python3-venv):\n{made.stdout}')
        print(f'installing apache-beam {version}', flush=True)
        installed = _run([str(python), '-m', 'pip', 'install', '-q', *requirements])
        if installed.returncode:
            raise SetupError(f'pip cannot install apache-beam {version}:\n{installed.stdout}')
        stamp.write_text(stamp_text)
        return python


class GoEnvironment:
    """A module of our own that requires Beam's Go SDK, and the programs built from it."""

    def __init__(self, version):
        self.version = version
        self.go = shutil.which('go')
        if self.go is None:
            raise SetupError(
                f'no Go on the PATH: install Go 1.26 or later (https://go.dev/doc/install) to run '
                "the suites of Beam's Go SDK, or leave them out of -Dconformance.suites")
        go_version = _run([self.go, 'env', 'GOVERSION'], cwd='/').stdout.strip()
        self.directory = cache_dir() / f'go-{version}-{go_version}'
        self.module_file = (
            f'module conformance\n\ngo 1.26.0\n\nrequire {GO_SDK} v{version}\n')

    def test_binary(self, package):
        """Compiles the tests of a package, `test/regression` for one, to a program."""
        return self._build(
            package.replace('/', '.') + '.test', ['test', '-c'], f'{GO_SDK}/go/{package}')

    def test_binary_from(self, directory):
        """Compiles tests of our own, from Go files in a directory without a module."""
        return self._build_from(directory, ['test', '-c'], '.test')

    def program_from(self, directory):
        """Compiles a program of our own, from Go files in a directory without a module."""
        return self._build_from(directory, ['build'], '')

    def _build_from(self, directory, verb, suffix):
        sources = sorted(directory.glob('*.go'))
        digest = hashlib.sha256(b''.join(p.read_bytes() for p in sources)).hexdigest()[:12]
        copy = self.directory / 'copies' / directory.name
        with _locked(self.directory):
            self._prepare()
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir(parents=True)
            for source in sources:
                shutil.copyfile(source, copy / source.name)
        return self._build(
            f'{directory.name}.{digest}{suffix}', verb, f'./copies/{directory.name}')

    def program(self, package):
        return self._build(package.replace('/', '.'), ['build'], f'{GO_SDK}/go/{package}')

    def program_from_copy(self, package, extra_files):
        """Builds a program from a copy of its sources and further files of ours beside them."""
        copy = self.directory / 'copies' / package
        digest = hashlib.sha256(repr(sorted(extra_files.items())).encode()).hexdigest()[:12]
        with _locked(self.directory):
            self._prepare()
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir(parents=True)
            for source in (self._sdk_dir() / 'go' / package).glob('*.go'):
                shutil.copyfile(source, copy / source.name)
            for name, text in extra_files.items():
                (copy / name).write_text(text)
        return self._build(
            f'{package.replace("/", ".")}.{digest}', ['build'], f'./copies/{package}')

    def package_dir(self, package):
        with _locked(self.directory):
            self._prepare()
            return self._sdk_dir() / 'go' / package

    def _prepare(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        module = self.directory / 'go.mod'
        if not module.exists():
            module.write_text(self.module_file)

    def _sdk_dir(self):
        found = self._go(['list', '-mod=mod', '-m', '-f', '{{.Dir}}', GO_SDK])
        directory = found.stdout.strip().split('\n')[-1]
        if found.returncode == 0 and not directory:
            self._checked(self._go(['mod', 'download', GO_SDK]), GO_SDK)
            found = self._go(['list', '-mod=mod', '-m', '-f', '{{.Dir}}', GO_SDK])
            directory = found.stdout.strip().split('\n')[-1]
        self._checked(found, GO_SDK)
        return pathlib.Path(directory)

    def _build(self, name, verb, package):
        binary = self.directory / 'bin' / name
        with _locked(self.directory):
            if binary.exists():
                return binary
            self._prepare()
            print(f'compiling {package}', flush=True)
            partial = binary.with_name(name + '.partial')
            self._checked(
                self._go([*verb, '-mod=mod', '-o', str(partial), package]), package)
            partial.rename(binary)
        return binary

    def _go(self, arguments):
        # As the programs of containers are compiled, so that all share what is compiled.
        return _run([self.go, *arguments], cwd=self.directory, CGO_ENABLED='0')

    def _checked(self, result, what):
        if result.returncode:
            raise SetupError(f'Go cannot build {what}:\n{result.stdout[-4000:]}')


def _run(command, cwd=None, **variables):
    return subprocess.run(
        command, cwd=cwd, env=dict(os.environ, **variables), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL)
