"""The rows of train_step_benchmark from a plain PyTorch training loop: torchvision's network,
torch.optim.Adam, autocast, channels-last, no reading of the loss. One JSON object a line.

  train_step_peer.py eager|compile [--device cuda:0] [--threads N] [--seconds 0.8] [--smoke] [--contiguous]
                     [--network N] [--precision P] [--image-size S] [--batch B]

`eager` leaves all else at PyTorch's defaults, with --contiguous the memory format too; precision tf32 allows it in convolutions and matrix
products, float32 in neither. `compile` is torch.compile of network and loss, of few rows, for each
takes the best part of a minute.
"""
import argparse
import itertools
import json
import statistics
import sys
import time

import torch
import torchvision
from torch import nn

CLASSES = 5
FEATURES = "mobilenet_v2_features"
BLOCKS = 5


def make_network(args, row):
    if row["network"] == "head":
        return nn.Sequential(nn.Linear(1280, 256), nn.ReLU(),
                             nn.BatchNorm1d(256, eps=1e-3, momentum=0.01), nn.Dropout(0.5),
                             nn.Linear(256, CLASSES))
    network = getattr(torchvision.models, row["network"])(weights=None, num_classes=CLASSES)
    return network if args.contiguous else network.to(memory_format=torch.channels_last)


def measure(args, device, step):
    def synchronize():
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def timed(count):
        synchronize()
        start = time.perf_counter()
        for _ in range(count):
            step()
        synchronize()
        return (time.perf_counter() - start) * 1e3 / count

    timed(1 if args.smoke else 5)
    guess = timed(1 if args.smoke else 3)
    count = min(500, max(1, int(args.seconds * 1e3 / BLOCKS / guess)))
    return statistics.median(timed(count) for _ in range(BLOCKS))


def features_milliseconds(args, row, device):
    """A frozen MobileNetV2's pooled map, as train_step_benchmark has it."""
    network = torchvision.models.mobilenet_v2(weights=None).features.to(device).eval()
    x = torch.randn(row["batch"], 3, row["image_size"], row["image_size"], device=device)
    if not args.contiguous:
        network, x = (thing.to(memory_format=torch.channels_last) for thing in (network, x))

    @torch.inference_mode()
    def step():
        with torch.autocast(device.type, torch.bfloat16, enabled=row["precision"] == "bfloat16"):
            maps = network(x)
            return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)

    return measure(args, device, step)


def step_milliseconds(args, row):
    device = torch.device(args.device)
    tf32 = row["precision"] == "tf32"
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.manual_seed(1)
    if row["network"] == FEATURES:
        return features_milliseconds(args, row, device)
    network = make_network(args, row).to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    if row["network"] == "head":
        x = torch.randn(row["batch"], 1280, device=device)
    else:
        x = torch.randn(row["batch"], 3, row["image_size"], row["image_size"], device=device)
        x = x if args.contiguous else x.to(memory_format=torch.channels_last)
    y = torch.arange(row["batch"], device=device) % CLASSES

    def loss_of(x, y):
        return nn.functional.cross_entropy(network(x), y)

    if args.mode == "compile":
        torch._dynamo.reset()
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=row["precision"] == "bfloat16"):
            loss = loss_of(x, y)
        loss.backward()
        optimizer.step()

    return measure(args, device, step)


def rows(args):
    def row(network, image_size, batch, precision):
        return {"network": network, "image_size": image_size, "batch": batch,
                "precision": precision}

    precisions = ["bfloat16", "tf32", "float32"]
    networks = ["mobilenet_v2", "resnet50"]
    if args.smoke:
        yield from itertools.starmap(row, itertools.product(["head", FEATURES, networks[0]],
                                                            [64], [4], precisions))
    elif args.mode == "compile":
        yield row("head", 160, 32, "bfloat16")
        for image_size, batch in [(160, 32), (224, 128), (224, 32), (160, 128)]:
            for network in networks:
                yield row(network, image_size, batch, "bfloat16")
    else:
        for precision in precisions:
            for batch in [32, 256]:
                yield row("head", 160, batch, precision)
            yield row(FEATURES, 160, 64, precision)
            for network, image_size, batch in itertools.product(networks, [160, 224],
                                                                [32, 64, 128, 256]):
                if precision == "float32" and batch not in (32, 128):
                    continue
                yield row(network, image_size, batch, precision)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["eager", "compile"])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--seconds", type=float, default=0.8)
    parser.add_argument("--network", help="only its rows")
    parser.add_argument("--precision", help="only its rows")
    parser.add_argument("--image-size", type=int, help="only its rows")
    parser.add_argument("--batch", type=int, help="only its rows")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--contiguous", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print("skipped: PyTorch sees no GPU", file=sys.stderr)
        return 77
    if args.threads:
        torch.set_num_threads(args.threads)
    failed = False
    for row in rows(args):
        if any(getattr(args, key) not in (None, value) for key, value in row.items()):
            continue
        line = {"system": "pytorch-" + args.mode, **row}
        try:
            line["step_ms"] = step_milliseconds(args, row)
            line["images_per_s"] = row["batch"] / line["step_ms"] * 1e3
        except Exception as error:  # one row's failure is not the others'
            line["error"] = str(error).split("\n")[0]
            failed = True
        print(json.dumps(line), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
