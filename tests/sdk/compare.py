"""Holds what the SDKs saw against each other and against the simulator's ledger."""

import json
import sys


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main():
    seen, ledger = lines(sys.argv[1]), {line["id"]: line for line in lines(sys.argv[2])}
    assert seen, "nothing was asked"
    counts = {"input": "input_tokens", "cached": "cached_tokens", "output": "output_tokens",
              "reasoning": "reasoning_tokens"}
    # The same was asked of all: with tools, and without.
    answers = {}
    for line in seen:
        entry = ledger[line["id"]]
        assert entry["status"] == 200 and entry["complete"], entry
        for name, column in counts.items():
            assert line[name] == entry[column], (line["sdk"], name, line[name], entry[column])
        answer = {key: line[key] for key in ["text", "calls", "finish", *counts]}
        kind = "a call" if line["calls"] else "a text"
        first = answers.setdefault(kind, (line["sdk"], answer))
        assert answer == first[1], f"{line['sdk']} saw\n{answer}\nand {first[0]}\n{first[1]}"
        print(f"{line['sdk']:<36} {kind}: {line['input']} + {line['output']} tokens, as billed")
    assert answers["a text"][1]["text"], answers
    print(f"{len(seen)} answers agree with each other and with the ledger")


main()
