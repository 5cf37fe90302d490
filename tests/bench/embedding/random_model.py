"""Writes a model folder of true shape and random weights for embedding_bench.py: an encoder of FAMILY
with a tokenizer of that family (tests/oracle/families_oracle.py), mean pooling, vectors of unit
length and texts cut at 256 tokens. Families whose tokenizer is BERT's split texts as MODEL does.

    python random_model.py bert|roberta|xlm-roberta|nomic_bert|modernbert MODEL FOLDER

JinaBERT is left out: the bench compares with sentence-transformers, which does not have it.
"""

import json
import pathlib
import random
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "oracle"))
import families_oracle
import texts
import torch

FAMILIES = [name for name in families_oracle.FAMILIES if not name.startswith("jina")]
LONGEST = 256


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in FAMILIES:
        sys.exit(__doc__)
    family, model, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    code = texts.code_pieces(texts.corpus_folder(), random.Random(1), 3000)
    documents = dict(families_oracle.make_tokenizers(model, code))
    tokenizer = families_oracle.make_tokenizer(family, documents, LONGEST)
    _, _, make_model = families_oracle.FAMILIES[family]
    extras = families_oracle.Extras(pooling="mean", normalize=True, lower_case=False, prompt="",
                                    longest=LONGEST)
    with tempfile.TemporaryDirectory() as name:
        saved = make_model(len(tokenizer)).save(
            pathlib.Path(name), families_oracle.filler(torch.Generator().manual_seed(1)), tokenizer,
            extras)
        shutil.copytree(saved, folder)
    # Where the bench's peers look for it.
    (folder / "sentence_bert_config.json").write_text(json.dumps(
        json.loads((folder / "sentence_bert_config.json").read_text())
        | {"max_seq_length": LONGEST}))


if __name__ == "__main__":
    sys.exit(main())
