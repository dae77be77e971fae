"""Rows of data sets on the Hugging Face hub."""

from pathlib import Path
from typing import Any

from akl_bench.data.jsonl import read_rows
from akl_bench.errors import AklBenchError, DataError
from akl_bench.tasks import DataSource, HubData


def hub_rows(hub: HubData, source: DataSource, key: str) -> list[dict[str, Any]]:
    """Download a data set and give its rows the fields and ids of records; `key` for messages."""
    try:
        if hub.file:
            from huggingface_hub import hf_hub_download

            path = hf_hub_download(hub.name, hub.file, repo_type="dataset", revision=hub.revision)
            raw, prefix = read_rows(Path(path)), Path(hub.file).stem
        else:
            from datasets import load_dataset

            table = load_dataset(hub.name, hub.config, split=hub.split, revision=hub.revision)
            raw, prefix = [dict(row) for row in table], hub.split
    except DataError:
        raise
    except Exception as error:  # every library below raises its own kind
        raise AklBenchError(f"{key}: the hub data set {hub.name} does not load: {error}") from error
    end = None if source.rows is None else source.skip + source.rows
    rows = []
    for i, row in enumerate(raw[source.skip : end], source.skip):
        if hub.fields:  # a column that is null is left out
            row = {
                o: row[theirs] for o, theirs in hub.fields.items() if row.get(theirs) is not None
            }
        rows.append({"id": f"{prefix}-{i}", **row})
    if not rows:
        raise DataError([f"{key}: {hub.name} on the hub has no rows after skip={source.skip}"])
    return rows
