"""The SDKs' cross-language tests, each beside a test expansion service in another language or its own.

Upstream's test expansion service for Java is not published, so Trestle's own offers the transforms
that the tests ask for; that for Python comes with apache-beam.
"""

import contextlib
import pathlib
import shlex

import environments
import servers
from go_suite import GoSuite
from java_suite import JavaSuite
from java_suite import XLANG_TESTS
from python_suite import PythonSuite
from service import ServiceError
from service import StartedService

HERE = pathlib.Path(__file__).resolve().parent
TRESTLE = HERE.parent / 'trestle'
TEST_TRANSFORMS = (
    HERE.parent / 'expansion-service' / 'target'
    / 'trestle-expansion-service-0.1.0-SNAPSHOT-tests.jar')
PYTHON_EXPANSION = HERE / 'python' / 'xlang_expansion_service.py'
# The others of the package are about downloads of jars, and submit nothing.
GO_TESTS = 'TestXLang_*'
GO_PACKAGES = ('test/integration/xlang',)
GO_KAFKA_PACKAGES = ('test/integration/io/xlang/kafka',)
GO_PIPELINES = HERE / 'pipelines' / 'go-xlang'
READY_SECONDS = 120
# A test is given this many times the limit: its worker is a process, with 130 MB of jars to stage.
PATIENCE = 4


class XlangSuite:
    """The tests of SDK `client` with transforms of SDK `server`; or the `examples`, with Java's."""

    def __init__(self, client, server, python_version, go_version):
        self.client = client
        self.server = server
        self.python_version = python_version
        self.go_version = go_version

    def run(self, name, context):
        patient = context.patient(PATIENCE)
        if self.client == 'go':
            # Every Go client of a machine keeps the artifacts of expansions at /tmp/artifacts, and
            # writes each anew: one that stages a file meanwhile finds half of it.
            patient.jobs = 1
        with contextlib.ExitStack() as started:
            port = started.enter_context(
                expansion_service(self._command(), context.target / f'{name}.log'))
            outcomes = self._suite(port).run(name, patient)
            if (self.client, self.server) == ('go', 'java'):
                for suite in self._go_suites_with_servers(port, started):
                    outcomes += suite.run(name, patient)
            return outcomes

    def _go_suites_with_servers(self, port, started):
        """Upstream's tests of Kafka, and our own of SQL and JDBC."""
        try:
            broker = started.enter_context(servers.kafka())
            database = started.enter_context(servers.postgresql())
        except servers.ServerError as e:
            raise environments.SetupError(str(e)) from e
        return (
            GoSuite(
                self.go_version, packages=GO_KAFKA_PACKAGES, flags=(
                    f'--expansion_addr=io:localhost:{port}',
                    f'--bootstrap_servers=127.0.0.1:{broker}')),
            GoSuite(
                self.go_version, pipelines=GO_PIPELINES, flags=(
                    f'--expansion_service=localhost:{port}',
                    f'--postgresql=127.0.0.1:{database}/postgres',
                    f'--postgresql_user={servers.POSTGRESQL_USER}')),
        )

    def _command(self):
        if self.server == 'java':
            if not TEST_TRANSFORMS.exists():
                raise environments.SetupError(
                    'expansion-service is not built: mvn -B -DskipTests -pl expansion-service package')
            return [
                str(TRESTLE), 'expansion', '--port', '{port}', '--jar', str(TEST_TRANSFORMS)]
        python = environments.python_for_xlang(self.python_version)
        return [str(python), str(PYTHON_EXPANSION), '{port}']

    def _suite(self, port):
        if self.client == 'examples':
            return PythonSuite(self.python_version, 'xlang-examples', {'EXPANSION_PORT': port})
        if self.client == 'python':
            return PythonSuite(self.python_version, 'xlang', {'EXPANSION_PORT': port})
        if self.client == 'go':
            return GoSuite(
                self.go_version, packages=GO_PACKAGES, tests=(GO_TESTS,),
                flags=(f'--expansion_addr=test:localhost:{port}',))
        # One test is of the dependencies of Python transforms.
        left_out = ('*PythonDependenciesTest*',) if self.server == 'java' else ()
        return JavaSuite(
            tests=(XLANG_TESTS,), left_out=left_out, properties={'expansionPort': port})


@contextlib.contextmanager
def expansion_service(command, log_path):
    """Runs an expansion service as long as the block lasts; gives its port."""
    log_path.unlink(missing_ok=True)
    service = StartedService(shlex.join(command), log_path, READY_SECONDS)
    try:
        service.start()
    except ServiceError as e:
        raise environments.SetupError(str(e)) from e
    try:
        yield service.endpoint.rpartition(':')[2]
    finally:
        complaint = service.stop()
        if complaint:
            print(f'*** expansion {complaint}', flush=True)
