"""Writes a model folder of true shape and random weights for embedding_bench.py: an encoder of
FAMILY (tests/oracle/families_oracle.py) that splits texts as MODEL does, cut at 256 tokens.

    python random_model.py FAMILY MODEL FOLDER
"""

import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "oracle"))
import families_oracle
import torch


def main():
    family, model, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True)
    with torch.no_grad():
        families_oracle.FAMILIES[family]().save(
            folder, families_oracle.filler(torch.Generator().manual_seed(1)))
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (model / name).exists():
            shutil.copy(model / name, folder)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer["model_max_length"] = 256
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 256}')


if __name__ == "__main__":
    sys.exit(main())
