"""Photos a second through torchvision's MobileNetV2 in eager PyTorch at its defaults: contiguous, no gradients.

    features_peer.py [--threads 2] [--image-size 160] [--batch 32] [--seconds 5]
"""
import argparse
import json
import statistics
import time

import torch
import torchvision


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network = torchvision.models.mobilenet_v2(weights=None).features.eval()
    images = torch.rand(args.batch, 3, args.image_size, args.image_size)
    times = []
    with torch.no_grad():
        end = time.perf_counter() + args.seconds
        while time.perf_counter() < end or len(times) < 5:
            start = time.perf_counter()
            network(images).mean([2, 3])
            times.append(time.perf_counter() - start)
    print(json.dumps({"system": "pytorch-eager", "images_per_s": args.batch / statistics.median(times[2:])}))


if __name__ == "__main__":
    main()
