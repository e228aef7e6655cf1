"""Drains a job once it has run for a while: python drain_job.py HOST:PORT NAME-PREFIX SECONDS.

For tests that read until somebody drains them. Runs in an environment that has apache-beam.
"""
import sys
import time

import grpc
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.portability.api import beam_job_api_pb2_grpc

APPEARS_SECONDS = 60


def main(endpoint, prefix, seconds):
    with grpc.insecure_channel(endpoint) as channel:
        jobs = beam_job_api_pb2_grpc.JobServiceStub(channel)
        deadline = time.monotonic() + APPEARS_SECONDS
        while time.monotonic() < deadline:
            listed = jobs.GetJobs(beam_job_api_pb2.GetJobsRequest(), timeout=10).job_info
            running = [
                j.job_id for j in listed
                if j.job_name.startswith(prefix) and j.state == beam_job_api_pb2.JobState.RUNNING]
            if running:
                time.sleep(float(seconds))
                jobs.Drain(beam_job_api_pb2.DrainJobRequest(job_id=running[0]), timeout=10)
                return
            time.sleep(0.2)
        sys.exit(f'no job {prefix}* ran within {APPEARS_SECONDS} s')


if __name__ == '__main__':
    main(*sys.argv[1:])
