"""Credentials of buckets: they come from the environment, and reach no file, no output and no object.

The program trains on fields in a bucket, samples into one, and fails in several ways, with everything logged that it can
log. Then every file that it left, all that it printed and every object in the buckets are searched for the
credentials, plain and encoded.

    python3 campaigns/credentials.py --program target/release/karhunen --server http://127.0.0.1:5555

The program must be built with `--features cloud`. The server is one of S3 that asks nobody who they are, such as `moto_server`.
"""

import argparse
import base64
import http.client
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote, urlsplit

from common import TINY, Wrong, check

# Letters that every encoding below changes.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "KEYOFTHE/TEST+19",
    "AWS_SECRET_ACCESS_KEY": "secret/of+the=test&19",
    "AWS_SESSION_TOKEN": "token/of+the=test&19",
}


def forms(text):
    """A credential as it might stand somewhere: plain, in an address, in JSON, in base 64, in hexadecimal digits."""
    raw = text.encode()
    plain = {raw, quote(text, safe="").encode(), text.replace("/", "\\/").encode(), raw.hex().encode()}
    # wherever in a longer text it begins
    encoded = {base64.b64encode(b"\0" * shift + raw)[4 * shift:-4].lstrip(b"A") for shift in range(3)}
    return plain | {part for part in encoded if len(part) > 8}


def request(server, method, path, body=b""):
    place = urlsplit(server)
    link = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    link.request(method, path, body, {"x-amz-acl": "public-read"})
    answer = link.getresponse()
    data = answer.read()
    check(answer.status == 200, f"{method} {path}: {answer.status} {data[:200]!r}")
    return data


def npy(fields, points):
    """Fields of random numbers as a file of NumPy."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({fields}, {points}, {points}), }}"
    head += " " * (-(10 + len(head) + 1) % 64) + "\n"
    numbers = random.Random(1)
    values = [numbers.random() for _ in range(fields * points * points)]
    data = struct.pack(f"<{len(values)}f", *values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data


class Bench:
    def __init__(self, program, server, folder):
        self.program, self.server, self.folder = Path(program).resolve(), server, folder
        self.bucket = f"credentials-{os.getpid()}"
        self.said = []
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.environment = {
            **kept, **CREDENTIALS, "AWS_ENDPOINT_URL": server, "AWS_REGION": "us-east-1",
            "RUST_LOG": "trace", "RUST_BACKTRACE": "1", "RAYON_NUM_THREADS": "2"}

    def run(self, code, *arguments):
        done = subprocess.run([self.program, *arguments], cwd=self.folder, env=self.environment, timeout=300,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = " ".join(arguments)
        self.said.append((line, done.stdout + done.stderr))
        check(done.returncode == code, f"{line}: exit code {done.returncode}\n{done.stderr[-2000:].decode()}")
        return done.stderr.decode(errors="replace")

    def objects(self):
        listed = request(self.server, "GET", f"/{self.bucket}?list-type=2").decode()
        return {key: request(self.server, "GET", f"/{self.bucket}/{key}")
                for key in re.findall("<Key>([^<]*)</Key>", listed) if not key.endswith(".npy")}


def work(bench):
    """Everything that the program does with buckets, and what goes wrong there."""
    request(bench.server, "PUT", f"/{bench.bucket}")
    request(bench.server, "PUT", f"/{bench.bucket}/data/fields.npy", npy(32, 12))
    source, store = f"s3://{bench.bucket}/data/fields.npy", f"s3://{bench.bucket}/samples.zarr"
    config = TINY.format(steps=8).replace('source = "builtin:spinodal"', f'source = "{source}"')
    (bench.folder / "run.toml").write_text(config)
    sample = ["sample", "--model", "run", "--count", "8", "--evaluations", "4"]
    bench.run(0, "inspect", source)
    bench.run(0, "train", "--config", "run.toml", "--out", "run")
    bench.run(0, *sample, "--out", store)
    bench.run(0, *sample, "--log-format", "json", "--out", f"s3://{bench.bucket}/again.zarr")
    bench.run(0, "evaluate", "--reference", source, "--samples", store, "--model", "run", "--part", "training")
    bench.run(0, "export", "--model", "run", "--out", "given")
    # wrong buckets, keys, a store that is there, credentials where none belong
    nowhere = f"s3://{bench.bucket}-nowhere"
    key, secret = (quote(CREDENTIALS[name], safe="") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    within = f"s3://{key}:{secret}@{bench.bucket}"
    for arguments in (
            [*sample, "--out", store],
            [*sample, "--out", f"{nowhere}/a.zarr"],
            ["inspect", f"{nowhere}/a.npy"],
            ["train", "--set", f"data.source={nowhere}/a.npy", "--out", "other"],
            ["inspect", f"{within}/data/fields.npy"],
            [*sample, "--out", f"{within}/a.zarr"],
            ["train", "--set", f"data.source={within}/data/fields.npy", "--out", "third"]):
        error = bench.run(2, *arguments)
        check("error: " in error, f"{' '.join(arguments)}: no error line\n{error[-500:]}")
    bench.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    bench.run(2, "inspect", source)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--server", required=True, help="a server of S3, as http://127.0.0.1:5555")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.program, given.server, Path(folder))
        work(bench)
        left = {str(path.relative_to(folder)): path.read_bytes()
                for path in Path(folder).rglob("*") if path.is_file()}
        outputs = {f"{number}: {line}": text for number, (line, text) in enumerate(bench.said)}
        places = {"files": left, "output": outputs, "objects": bench.objects()}
    # the search finds what is there
    address = f"s3://{bench.bucket}".encode()
    for kind in ("files", "output"):
        check(any(address in data for data in places[kind].values()), f"no {kind} name the bucket: nothing was searched")
    check(any(name.startswith("run/step-") or "weights" in name for name in left), f"no checkpoint: {sorted(left)}")
    check(len(places["objects"]) > 2, "no objects were written")
    for name, credential in CREDENTIALS.items():
        for form in forms(credential):
            for kind, all_of_them in places.items():
                for place, data in all_of_them.items():
                    check(form not in data, f"{name} as {form!r} in {kind}: {place}")
    count = {kind: len(data) for kind, data in places.items()}
    size = sum(len(data) for all_of_them in places.values() for data in all_of_them.values())
    print(f"no credential in {count['files']} files, {count['output']} outputs and {count['objects']} objects, {size} bytes")


if __name__ == "__main__":
    try:
        main()
    except Wrong as error:
        sys.exit(f"wrong: {error}")
