# /// script
# dependencies = ["transformers", "torch"]
# [tool.libraries]
# environment = "large"
# ///
import tempfile

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

# A model of no use, made here: nothing is loaded from elsewhere.
words = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "pack": 2, "it": 3}, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
config = BertConfig(vocab_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
torch.manual_seed(0)
with tempfile.TemporaryDirectory() as folder:
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    classify = pipeline("text-classification", model=folder)
    found = classify("pack it")[0]
assert found["label"].startswith("LABEL_") and 0 <= found["score"] <= 1
