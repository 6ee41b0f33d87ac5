"""Holds what was counted elsewhere against the simulator's ledger.

  compare.py clients SEEN LEDGER     one line of JSON for each request, in order
  compare.py run RUN LEDGER          a run folder of Weighbridge: tokens and dollars
  compare.py stated RUN IN OUT       one whose server states these tokens for every answer
"""

import csv
import json
import pathlib
import sys
from decimal import Decimal


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def answered(path):
    entries = [entry for entry in lines(path) if entry["status"] == 200]
    assert all(entry["complete"] for entry in entries), "each answer was read to its end"
    return sorted(entries, key=lambda entry: entry["read_ns"])


def clients(seen, ledger):
    seen, ledger = lines(seen), answered(ledger)
    assert seen, "nothing was asked"
    text, rest = seen[0]["text"].strip(), iter(ledger)
    own = 0
    for line in seen:
        counted = (line["input"], line["output"])
        # A client may ask something of its own first: Inspect tries the Responses API.
        for entry in rest:
            billed = (entry["input_tokens"], entry["output_tokens"])
            if billed == counted:
                break
            own += 1
        else:
            raise SystemExit(f"{line['client']} counted {counted}, which was not billed")
        assert line["text"].strip() == text != "", (line, text)
        print(f"{line['client']:<30} {counted[0]} + {counted[1]} tokens, as billed")
    assert next(rest, None) is None and own <= 1, f"{own} answers that no client counted"
    print(f"{len(seen)} answers agree with each other and with the ledger")


def trials_of(folder):
    with open(pathlib.Path(folder) / "trials.csv", encoding="utf-8", newline="") as file:
        trials = list(csv.DictReader(file))
    failed = [trial for trial in trials if trial["status"] != "ok"]
    assert trials and not failed, [(t["endpoint"], t["error_class"]) for t in failed]
    return trials


def stated(folder, tokens_in, tokens_out):
    trials = trials_of(folder)
    for trial in trials:
        counted = [trial["input_tokens"], trial["output_tokens"]]
        assert counted == [tokens_in, tokens_out], (trial["endpoint"], counted)
        assert trial["score"] == "1", (trial["endpoint"], trial["score"])
    ways = len({trial["endpoint"] for trial in trials})
    print(f"{len(trials)} trials in {ways} ways: {tokens_in} + {tokens_out} tokens each, as stated")


def run(folder, ledger):
    trials = trials_of(folder)
    ledger = answered(ledger)
    requests = sum(int(trial["attempts"]) for trial in trials)
    assert requests == len(ledger), f"{requests} attempts, {len(ledger)} answers"
    columns = {"input_tokens": "input_tokens", "output_tokens": "output_tokens",
               "cached_input_tokens": "cached_tokens", "reasoning_tokens": "reasoning_tokens"}
    for column, billed in columns.items():
        counted = sum(int(trial[column] or 0) for trial in trials)
        assert counted == sum(entry[billed] for entry in ledger), (column, counted)
    cost = sum(Decimal(trial["cost_usd"]) for trial in trials)
    billed = sum(Decimal(entry["billed_usd"]) for entry in ledger)
    assert cost == billed, f"${cost} counted, ${billed} billed"
    print(f"{len(trials)} trials: tokens as billed, ${cost} as billed")


{"clients": clients, "run": run, "stated": stated}[sys.argv[1]](*sys.argv[2:])
