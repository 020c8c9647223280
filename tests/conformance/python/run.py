"""Runs the stories of every Python client, two clients at a time, and prints their TAP one after the other."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLIENTS = ["kafka_python.py", "aio_kafka.py", "librdkafka.py", "assignors.py"]


def stories(client):
    command = [sys.executable, str(Path(__file__).parent / client)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    statuses = []
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(stories, CLIENTS):
            print(done.stdout, end="", flush=True)
            statuses.append(done.returncode)
    sys.exit(1 if any(statuses) else 0)


if __name__ == "__main__":
    main()
