"""The versions of the Ray cluster at an address.

`python -m ingest.on_ray.probe HOST:PORT` is a process of its own, because Ray itself waits for minutes where there is no cluster.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Print both versions as JSON, empty where the cluster does not say."""
    from ray._common.usage.usage_lib import get_cluster_metadata
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # a compiled module

    found = get_cluster_metadata(GcsClient(address=sys.argv[1])) or {}
    print(json.dumps({name: found.get(name, "") for name in ("ray_version", "python_version")}))  # noqa: T201


if __name__ == "__main__":
    main()
