"""Prints the campaign's table as Markdown: python3 campaign_table.py STUDY ... in the folder of deploy/campaign.sh.

Reads STUDY.json (vizsla leaderboard --json) and STUDY-TRIAL.json (vizsla evaluate --split test --json).
The published figures are those of the hand-made campaign (another data set of the same breeds).
"""
import json
import sys

PUBLISHED = {  # test accuracy, test loss
    "scratch-v1": ("under 6 %", ""),
    "scratch-v2": ("14.6 %", "3.59"),
    "scratch-v3": ("worse than v2", ""),
    "mobilenet-transfer-final": ("67.6 %", "1.29"),
    "mobilenet-fine-tuned": ("60.7 %", "2.02"),
    "inception-transfer-final": ("58.2 %", "1.55"),
    "inception-fine-tuned-conv2d_93": ("60.55 %", "1.54"),
}


def duration(seconds):
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


print("| model | test accuracy | test loss | published accuracy, loss | validation | gap (train - validation) "
      "| best epoch of | training time |")
print("|---|---|---|---|---|---|---|---|")
for study in sys.argv[1:]:
    with open(f"{study}.json") as file:
        board = json.load(file)
    for row in sorted(board, key=lambda row: row["trial"]):
        published = ", ".join(filter(None, PUBLISHED.get(row["name"], ("", ""))))
        if row["objective"] is None:
            print(f"| {row['name']} | {row['state']}: {row['reason'] or 'no score'} | | {published} | | | | |")
            continue
        with open(f"{study}-{row['trial']}.json") as file:
            test = json.load(file)
        metrics = row["metrics"]
        gap = metrics["train_accuracy"] - metrics["val_accuracy"]
        print(f"| {row['name']} | {100 * test['accuracy']:.1f} % | {test['loss']:.2f} | {published} "
              f"| {100 * metrics['val_accuracy']:.1f} % | {100 * gap:+.1f} "
              f"| {row['best_epoch']} of {row['epoch']} | {duration(row['elapsed_seconds'])} |")
