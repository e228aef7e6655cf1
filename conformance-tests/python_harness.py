#!/usr/bin/env python3
"""Starts a harness of the Python SDK it is run with, for the PROCESS environment.

Does what the SDK container's boot program does for workers on the machine of the tests: asks the
runner's provision service, and becomes the SDK's worker. What the tests import is on PYTHONPATH
instead of being staged.
"""

import argparse
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


def main():
    parser = argparse.ArgumentParser()
    for name in ('id', 'provision_endpoint', 'logging_endpoint', 'artifact_endpoint',
                 'control_endpoint'):
        parser.add_argument('--' + name)
    arguments = parser.parse_args()
    info = provision(arguments.provision_endpoint, arguments.id)
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


if __name__ == '__main__':
    main()
