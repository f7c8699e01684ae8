"""Environment variables for clients of the tests' S3 servers."""

import os


def s3_environment(url: str) -> dict[str, str]:
    """The environment variables that lead a client to an S3 server at `url`, and to no other configuration."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
