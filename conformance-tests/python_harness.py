#!/usr/bin/env python3
"""Starts a harness of the Python SDK it is run with, or of Go, for the PROCESS environment.

Does what the SDK container's boot program does for workers on the machine of the tests: asks the
runner's provision service, and becomes the SDK's worker. What the tests import is on PYTHONPATH, and
the program of Go is given with --go_program, instead of being staged.
"""

import argparse
import json
import os
import sys
import tempfile

import grpc
from apache_beam.portability.api import (
    beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2)
from google.protobuf import json_format, text_format

DEADLINE_SECONDS = 30


def provision(endpoint, worker_id):
    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        return stub.GetProvisionInfo(
            beam_provision_api_pb2.GetProvisionInfoRequest(), timeout=DEADLINE_SECONDS,
            metadata=[('worker_id', worker_id)]).info


def descriptor(url):
    return text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url))


def become_python(arguments, info):
    environment = dict(
        os.environ,
        WORKER_ID=arguments.id,
        PIPELINE_OPTIONS=json_format.MessageToJson(info.pipeline_options),
        LOGGING_API_SERVICE_DESCRIPTOR=descriptor(arguments.logging_endpoint),
        CONTROL_API_SERVICE_DESCRIPTOR=descriptor(arguments.control_endpoint),
        SEMI_PERSISTENT_DIRECTORY=tempfile.gettempdir(),
        RUNNER_CAPABILITIES=' '.join(info.runner_capabilities),
    )
    if info.status_endpoint.url:
        environment['STATUS_API_SERVICE_DESCRIPTOR'] = descriptor(info.status_endpoint.url)
    os.execve(
        sys.executable,
        [sys.executable, '-m', 'apache_beam.runners.worker.sdk_worker_main'], environment)


def become_go(arguments, info):
    environment = dict(os.environ, RUNNER_CAPABILITIES=' '.join(info.runner_capabilities))
    if info.status_endpoint.url:
        environment['STATUS_ENDPOINT'] = info.status_endpoint.url
    os.execve(
        arguments.go_program,
        [
            arguments.go_program, '--worker=true', f'--id={arguments.id}',
            f'--logging_endpoint={arguments.logging_endpoint}',
            f'--control_endpoint={arguments.control_endpoint}',
            f'--options={options_of_go(info.pipeline_options)}'
        ], environment)


def options_of_go(options):
    """Whole numbers without a fraction, as Go reads them."""
    def number(text):
        return int(float(text)) if float(text).is_integer() else float(text)

    return json.dumps(json.loads(json_format.MessageToJson(options), parse_float=number))


def main():
    parser = argparse.ArgumentParser()
    for name in ('id', 'provision_endpoint', 'logging_endpoint', 'artifact_endpoint',
                 'control_endpoint', 'go_program'):
        parser.add_argument('--' + name)
    arguments = parser.parse_args()
    info = provision(arguments.provision_endpoint, arguments.id)
    become = become_go if arguments.go_program else become_python
    become(arguments, info)


if __name__ == '__main__':
    main()
