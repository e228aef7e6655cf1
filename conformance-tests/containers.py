"""The Docker engine and the images that jobs in containers need. Both are made here if they are missing."""

import atexit
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import environments
from environments import SetupError

HERE = pathlib.Path(__file__).resolve().parent
RECIPES = HERE.parent / 'sdk-containers'
POM = HERE.parent / 'pom.xml'
ENGINE_SECONDS = 30
# A worker that cannot be started fails its job after three times its time, and that is to be seen.
PATIENCE = 4
# All images and what is built on the way to them take 4 GiB, or 12 if layers cannot be shared.
AVAILABLE_BYTES = 12 << 30
IMAGES_SHARE = 0.6
# Debian's releases by the Python they have, which must be the one that submits.
RELEASES = {(3, 11): 'bookworm', (3, 13): 'trixie'}
BASE_PACKAGES = ('ca-certificates', 'openjdk-{java}-jre-headless', 'python3-pip')
JAVA_OF_RELEASE = {'bookworm': '17', 'trixie': '21'}

# What the engine is and how fast, to be told at the end of a run.
notes = []


def docker(*arguments, check=True):
    """Output of a docker command."""
    try:
        result = subprocess.run(
            ['docker', *arguments], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
    except FileNotFoundError as e:
        raise SetupError(
            'no docker on the PATH: install it (on Debian or Ubuntu: apt-get install docker.io), or '
            'leave the suites with containers out of -Dconformance.suites') from e
    if check and result.returncode:
        raise SetupError(f'docker {" ".join(arguments[:3])}: {result.stdout.strip()}')
    return result.stdout


def of_service(service_id, *options):
    """Ids of the containers that a job service has made."""
    return docker('ps', '-q', '--filter', f'label=org.trestle.service={service_id}', *options).split()


def _answers():
    return 'Server Version' in docker('info', check=False)


def ready(context):
    """Sees to an engine; returns the context of tests whose workers are in containers."""
    engine(context.target)
    return context.patient(PATIENCE)


@functools.cache
def engine(target):
    """Starts a Docker engine if none answers, till the end of this process; its log is in `target`."""
    if not _answers():
        if os.geteuid() != 0 or not shutil.which('dockerd'):
            raise SetupError(
                'no Docker engine answers: start one, or run as root with dockerd on the PATH (on '
                'Debian or Ubuntu: apt-get install docker.io)')
        _start_engine(target)
    notes.append(
        'Docker engine ' + docker(
            'info', '--format', '{{.ServerVersion}}, {{.Driver}}, control groups v{{.CgroupVersion}}, '
            'in {{.DockerRootDir}}').strip())


def _start_engine(target):
    log_path = target / 'dockerd.log'
    root = target / 'docker-root'
    options = ['--iptables=false', '--ip6tables=false', '--bridge=none']
    if _in_memory(root):
        options.append(f'--data-root={root}')
    with open(log_path, 'ab') as log:
        daemon = subprocess.Popen(
            ['dockerd', *options], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True)
    atexit.register(_end, daemon, root)
    deadline = time.monotonic() + ENGINE_SECONDS
    while not _answers():
        if daemon.poll() is not None or time.monotonic() > deadline:
            tail = '\n'.join(log_path.read_text(errors='replace').split('\n')[-10:])
            raise SetupError(f'dockerd did not start:\n{tail}')
        time.sleep(0.2)


def _in_memory(directory):
    """Mounts a file system in memory, where there is enough of it.

    A machine's own may be slow, or one that an engine can only use by copying an image for each
    container, which takes longer than a harness may take to start.
    """
    _unmount(directory)
    meminfo = pathlib.Path('/proc/meminfo').read_text()
    available = int(re.search(r'MemAvailable: *(\d+) kB', meminfo)[1]) << 10
    if available < AVAILABLE_BYTES:
        return False
    directory.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', f'size={int(available * IMAGES_SHARE)}', 'trestle-docker',
         str(directory)],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if mounted.returncode:
        print(f'images are kept on the disk: {mounted.stdout.strip()}', flush=True)
    return mounted.returncode == 0


def _unmount(directory):
    """Takes away what an earlier run may have left, and what an engine mounted in it."""
    while os.path.ismount(directory):
        if subprocess.run(['umount', '-R', '-l', str(directory)]).returncode:
            break


def _end(daemon, root):
    daemon.terminate()
    try:
        daemon.wait(timeout=20)
    except subprocess.TimeoutExpired:
        daemon.kill()
    _unmount(root)


def _exists(image):
    return bool(docker('images', '-q', image).strip())


@functools.cache
def _base():
    """An image of a small Debian with what harnesses need."""
    release = RELEASES.get(sys.version_info[:2])
    if release is None:
        raise SetupError(
            f'containers need a Debian with Python {sys.version_info[0]}.{sys.version_info[1]}, and '
            'none is known: name a Python 3.11 or 3.13 with -Dconformance.python=...')
    packages = ','.join(BASE_PACKAGES).format(java=JAVA_OF_RELEASE[release])
    digest = hashlib.sha256(packages.encode()).hexdigest()[:12]
    image = f'trestle/conformance-base:{release}-{digest}'
    if _exists(image):
        return image
    if os.geteuid() != 0 or not shutil.which('debootstrap'):
        raise SetupError(
            'the base image of the containers is made by debootstrap, which needs to be installed '
            '(apt-get install debootstrap) and root')
    print(f'making {image}', flush=True)
    with tempfile.TemporaryDirectory(prefix='conformance-base-') as directory:
        made = subprocess.run(
            ['debootstrap', '--variant=minbase', f'--include={packages}', release, directory],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode:
            raise SetupError(f'debootstrap failed:\n{made.stdout[-3000:]}')
        pack = subprocess.Popen(
            ['tar', '-C', directory, '--exclude=./var/cache/apt/archives/*.deb',
             '--exclude=./var/lib/apt/lists/*', '-c', '.'],
            stdout=subprocess.PIPE)
        imported = subprocess.run(
            ['docker', 'import', '-', image], stdin=pack.stdout, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if pack.wait() or imported.returncode:
            raise SetupError(f'docker import failed:\n{imported.stdout}')
    return image


def _java_sdk():
    """The version of Beam that the build is made with."""
    return re.search(r'<beam\.version>(.+)</beam\.version>', POM.read_text())[1]


@functools.cache
def _timed_base():
    base = _base()
    begin = time.monotonic()
    docker('run', '--rm', '--network=host', base, 'true')
    notes.append(f'a container that does nothing: {time.monotonic() - begin:.1f} s')
    return base


@functools.cache
def image(language, sdk=''):
    """The image of an SDK's harness: `python` of a version, `java` of the build's, or `go`."""
    base = _timed_base()
    if language == 'java':
        sdk = _java_sdk()
    inputs = hashlib.sha256(base.encode())
    options = []
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as requirements:
        if language == 'python':
            # What upstream's test modules import, which DoFns are found in.
            requirements.write('\n'.join(environments.PYTHON_TEST_PACKAGES))
            requirements.flush()
            options = [
                '--python', sys.executable, '--python-sdk', sdk, '--requirements',
                requirements.name
            ]
            inputs.update(repr(environments.PYTHON_TEST_PACKAGES).encode())
        for path in sorted(RECIPES.rglob('*')):
            if path.is_file():
                inputs.update(path.read_bytes())
        tag = f'conformance-{sdk}{"-" if sdk else ""}{inputs.hexdigest()[:12]}'
        name = f'trestle/{language}_sdk:{tag}'
        if not _exists(name):
            print(f'building {name}', flush=True)
            built = subprocess.run(
                [str(RECIPES / 'build'), '--base', base, '--tag', tag, *options, language],
                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
            if built.returncode:
                raise SetupError(f'{name} cannot be built:\n{built.stdout[-4000:]}')
    return name
