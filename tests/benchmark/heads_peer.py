"""What a search of heads costs in plain PyTorch: one JSON object.

    heads_peer.py loop|cached --data FOLDER_OR_ZIP [--threads 2] [--epochs 30] [--steps 20] [--device cpu]

`loop` trains a head on a frozen torchvision MobileNetV2 as most scripts do: a DataLoader decodes, resizes, mirrors and
normalises the photos, and every epoch runs the backbone. `cached` is what a careful user writes by hand: the features
of all photos and of their mirror images once, in the faster memory format, then every trial on these. The photos are
divided as heads.yaml says (10 % test, 8 % of the rest validation, both unread here but for the validation of each
epoch). Only `--steps` batches of each kind are timed and multiplied; the head is the campaign's.
"""
import argparse
import io
import json
import pathlib
import sys
import time
import zipfile

import torch
import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

CLASSES = 120
BATCH = 32


class Photos(Dataset):
    """JPEGs of a folder or a zip, opened anew in each process of a DataLoader."""

    def __init__(self, data, transform):
        self.data, self.transform, self.archive = pathlib.Path(data), transform, None
        self.zipped = zipfile.is_zipfile(self.data)
        if self.zipped:
            with zipfile.ZipFile(self.data) as archive:
                names = archive.namelist()
        else:
            names = [str(path.relative_to(self.data)) for path in self.data.rglob("*.jpg")]
        self.names = sorted(n for n in names if n.endswith(".jpg") and "test/" not in n)
        if not self.names:
            sys.exit(f"{data} holds no photos")

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        if self.zipped and self.archive is None:
            self.archive = zipfile.ZipFile(self.data)
        content = self.archive.read(self.names[index]) if self.zipped else (self.data / self.names[index]).read_bytes()
        return self.transform(Image.open(io.BytesIO(content)).convert("RGB")), index % CLASSES


def head():
    return nn.Sequential(nn.Linear(1280, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 128), nn.ReLU(),
                         nn.BatchNorm1d(128), nn.Dropout(0.5), nn.Linear(128, CLASSES))


def backbone():
    network = torchvision.models.mobilenet_v2(weights=None)
    network.requires_grad_(False)
    return network.features.eval()


def train_head(model, optimizer, features, labels):
    loss = nn.functional.cross_entropy(model(features), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def seconds(args, step, steps):
    """Of one step, the first few apart."""
    for _ in range(3):
        step()
    synchronize(args)
    start = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize(args)
    return (time.perf_counter() - start) / steps


def synchronize(args):
    if args.device != "cpu":
        torch.cuda.synchronize()


def counts(photos):
    test = round(0.10 * photos)
    validation = round(0.08 * (photos - test))
    train = photos - test - validation
    return -(-train // BATCH), -(-validation // BATCH)


def normalised(*augmentation):
    return transforms.Compose([transforms.Resize((160, 160)), *augmentation, transforms.ToTensor(),
                               transforms.Normalize([0.5] * 3, [0.5] * 3)])


def batches_of(photos, workers):
    while True:
        yield from DataLoader(photos, BATCH, shuffle=True, num_workers=workers, drop_last=True)


def loop(args):
    photos = Photos(args.data, normalised(transforms.RandomHorizontalFlip()))
    network, model = backbone().to(args.device), head().to(args.device)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    batches = batches_of(photos, args.threads)

    def features(images):
        with torch.no_grad():
            return network(images.to(args.device)).mean([2, 3])

    def training():
        images, labels = next(batches)
        train_head(model, optimizer, features(images), labels.to(args.device))

    def validation():
        images, _ = next(batches)
        with torch.no_grad():
            model(features(images))

    train_s, validation_s = seconds(args, training, args.steps), seconds(args, validation, args.steps)
    train, validate = counts(len(photos))
    epoch_s = train * train_s + validate * validation_s
    return {"system": "pytorch-loop", "epoch_s": epoch_s, "trial_s": args.epochs * epoch_s, "once_s": 0.0}


def cached(args):
    photos = Photos(args.data, normalised())
    network = backbone().to(args.device, memory_format=torch.channels_last)
    batches = batches_of(photos, args.threads)

    def both_views():
        images = next(batches)[0].to(args.device)
        with torch.no_grad():
            for view in (images, images.flip(3)):
                network(view.contiguous(memory_format=torch.channels_last)).mean([2, 3])

    batch_s = seconds(args, both_views, args.steps)
    rows = torch.randn(len(photos), 2, 1280, device=args.device)
    labels = torch.arange(len(photos), device=args.device) % CLASSES
    model = head().to(args.device)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    train, validate = counts(len(photos))

    def epoch():
        model.train()
        order = torch.randperm(train * BATCH, device=args.device)
        for i in range(train):
            chosen = order[i * BATCH:(i + 1) * BATCH] % len(photos)
            features = rows[chosen, torch.randint(0, 2, (BATCH,), device=args.device)]
            train_head(model, optimizer, features, labels[chosen])
        model.eval()
        with torch.no_grad():
            for i in range(validate):
                model(rows[i * BATCH:(i + 1) * BATCH, 0]).argmax(1)

    epoch_s = min(seconds(args, epoch, 1) for _ in range(2))
    return {"system": "pytorch-cached", "epoch_s": epoch_s, "trial_s": args.epochs * epoch_s,
            "once_s": batch_s * len(photos) / BATCH}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["loop", "cached"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    print(json.dumps({"loop": loop, "cached": cached}[args.mode](args)))


if __name__ == "__main__":
    main()
