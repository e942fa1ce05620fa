"""S3 on loopback: moto's server with one bucket, and a front that refuses as S3 does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import requests
from hosts import answer
from moto.server import ThreadedMotoServer

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def bucket_server() -> Iterator[str]:
    """Serve S3 with an empty bucket `images`; credentials are `AWS`."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    requests.post(f"{endpoint}/moto-api/reset", timeout=240)
    with closing(boto3.client("s3", endpoint_url=endpoint)) as client:
        client.create_bucket(Bucket="images")
    yield endpoint
    server.stop()


def make_public(endpoint: str) -> None:
    """Let everybody read the bucket."""
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::images/*",
            }
        ],
    }
    with closing(boto3.client("s3", endpoint_url=endpoint)) as client:
        client.put_bucket_policy(Bucket="images", Policy=json.dumps(allowed))


STATUS = {"NoSuchBucket": 404, "ExpiredToken": 400, "AuthorizationHeaderMalformed": 400}
"""What S3 answers an error with; most are 403."""


@contextmanager
def refusing(code: str) -> Iterator[str]:
    """Serve what answers every request with an error of S3's."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as S3 says it</Message></Error>".encode()

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, STATUS.get(code, 403), body, Content_Type="application/xml")

        do_HEAD = do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
