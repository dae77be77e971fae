from pathlib import Path

from akl_bench.microworld import SPLITS, records


def test_all_text_of_the_world_comes_back(tmp_path: Path, build_teacher) -> None:
    from transformers import AutoTokenizer

    built = build_teacher.build_tokenizer()
    built.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for tokenizer in (built, loaded):
        assert tokenizer.padding_side == "left"
        for split in SPLITS:
            for row in records(split, 100):
                for text in (f"{row['instruction']} :", *row["references"]):
                    ids = tokenizer.encode(text)
                    assert len(ids) == len(text.split())
                    assert tokenizer.unk_token_id not in ids
                    assert tokenizer.decode(ids) == text
                    assert tokenizer.decode([0, *ids, 1], skip_special_tokens=True) == text


def test_special_tokens(build_teacher) -> None:
    tokenizer = build_teacher.build_tokenizer()
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2)
    assert len(tokenizer) == len(build_teacher.vocabulary()) + 3
    assert tokenizer.encode("zebra") == [2]
