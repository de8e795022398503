"""Puts rows of train_step_benchmark and train_step_peer.py side by side: train_step_ratios.py FILE...

A table in Markdown: step times in milliseconds, and how many times faster than each peer we are.
"""
import json
import sys

KEY = ["network", "image_size", "batch", "precision"]
PEERS = ["pytorch-eager", "pytorch-compile"]


def main():
    rows = {}
    for name in sys.argv[1:]:
        with open(name) as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue  # a line that was cut short, or a warning
                if "step_ms" in row:
                    rows.setdefault(tuple(row[k] for k in KEY), {})[row["system"]] = row
    print("| network | pixels | batch | precision | ms | images/s | eager ms | compile ms "
          "| / eager | / compile |")
    print("|" + "---|" * 10)
    for key, systems in sorted(rows.items()):
        own = systems.get("vizsla")
        cells = list(key)
        cells += [f"{own['step_ms']:.2f}", f"{own['images_per_s']:.0f}"] if own else ["", ""]
        peers = [systems.get(peer) for peer in PEERS]
        cells += [f"{peer['step_ms']:.2f}" if peer else "" for peer in peers]
        cells += [f"{peer['step_ms'] / own['step_ms']:.2f}" if peer and own else ""
                  for peer in peers]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
