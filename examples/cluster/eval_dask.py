"""Evaluates a scenario on a Dask cluster: one part a task, joined to the report of one machine.

python eval_dask.py --scenario anomaly --parts 8 --output all.json [--scheduler tcp://HOST:8786] [-- --samples 100]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from dask.distributed import Client, LocalCluster


def part(program, scenario, index, count, arguments):
    """Runs one part where the worker is, and gives its report as bytes."""
    command = [program, "eval", "--scenario", scenario, "--shard", f"{index}/{count}", "--jobs", "1", "--format", "json"]
    done = subprocess.run(command + arguments, capture_output=True, check=False)
    # 4: an output differs from the reference's; that is an answer.
    if done.returncode not in (0, 4):
        raise RuntimeError(f"part {index}/{count}: exit code {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--output", required=True)
    parser.add_argument("--scheduler", help="address of a running cluster; without it, two workers here")
    parser.add_argument("--program", default="stm32sim")
    parser.add_argument("arguments", nargs="*", help="further options of stm32sim eval, after --")
    options = parser.parse_args()

    cluster = options.scheduler or LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with Client(cluster) as client, tempfile.TemporaryDirectory() as folder:
        indices = range(1, options.parts + 1)
        tasks = [
            # Not pure: a part that failed is really run again.
            client.submit(part, options.program, options.scenario, index, options.parts, options.arguments, pure=False)
            for index in indices
        ]
        files = []
        for index, report in zip(indices, client.gather(tasks)):
            files.append(Path(folder, f"part-{index}.json"))
            files[-1].write_bytes(report)
        merge = [options.program, "merge", *map(str, files), "--format", "json", "--output", options.output]
        return subprocess.run(merge, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
