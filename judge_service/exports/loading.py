"""How a file is read by what it was made for: the lines that a data card shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from judge_service.domain.frozen import frozen


@frozen
class File:
    """An exported file.

    Attributes:
        name: without its folder.
        talk: whether its prompts and answers are messages.
    """

    name: str
    talk: bool

    @property
    def stem(self) -> str:
        """The name without its endings."""
        return self.name.split(".")[0]


def how_to_load(format_name: str, file: File) -> str:
    """The lines, as Markdown."""
    return LOADING.get(format_name, _datasets)(file)


def llama_factory_entry(file: File) -> dict[str, object]:
    """The entry that LLaMA-Factory's `dataset_info.json` needs for the file."""
    ends = {"chosen": "chosen", "rejected": "rejected"}
    if file.talk:
        columns = {"messages": "conversations", **ends, "system": "system"}
        return {file.stem: {"file_name": file.name, "formatting": "sharegpt", "ranking": True, "columns": columns}}
    columns = {"prompt": "instruction", "query": "input", **ends}
    return {file.stem: {"file_name": file.name, "ranking": True, "columns": columns}}


def _datasets(file: File) -> str:
    kind = "parquet" if file.name.endswith(".parquet") else "json"
    return _fenced("python", f'datasets.load_dataset("{kind}", data_files="{file.name}", split="train")')


def _llama_factory(file: File) -> str:
    return "In `dataset_info.json`:\n\n" + _fenced("json", json.dumps(llama_factory_entry(file), indent=2))


def _axolotl(file: File) -> str:
    lines = f"rl: dpo\ndatasets:\n  - path: {file.name}\n    ds_type: json\n    type: chat_template.default"
    return _fenced("yaml", lines)


def _openrlhf(file: File) -> str:
    flags = "--data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected"
    return _fenced("sh", flags + (" --data.apply_chat_template" if file.talk else ""))


def _argilla(file: File) -> str:
    return "As a `.json` file:\n\n" + _fenced("python", f'dataset.records.from_json("{file.stem}.json")')


def _alpaca_eval(file: File) -> str:
    told = "As a `.json` file it is the `annotations.json` of the second generator:\n\n"
    return told + _fenced("python", f'alpaca_eval.metrics.get_winrate(pandas.read_json("{file.stem}.json"))')


def _fenced(language: str, lines: str) -> str:
    return f"```{language}\n{lines}\n```"


LOADING: Final[Mapping[str, Callable[[File], str]]] = {
    "llama-factory": _llama_factory,
    "axolotl": _axolotl,
    "openrlhf": _openrlhf,
    "argilla": _argilla,
    "alpaca-eval": _alpaca_eval,
}
"""By format; what is not here is read by `datasets` as it stands."""
