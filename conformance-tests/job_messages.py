"""Prints the messages of a job: python job_messages.py HOST:PORT JOB.

Runs in an environment that has apache-beam, whose stubs of the Job API it uses.
"""
import sys

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc


def main(endpoint, job):
    with grpc.insecure_channel(endpoint) as channel:
        jobs = beam_job_api_pb2_grpc.JobServiceStub(channel)
        request = beam_job_api_pb2.JobMessagesRequest(job_id=job)
        for event in jobs.GetMessageStream(request, timeout=30):
            if event.HasField('message_response'):
                print(event.message_response.message_text)


if __name__ == '__main__':
    main(*sys.argv[1:])
