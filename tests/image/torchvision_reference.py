"""What torchvision makes of crops, colours and erased boxes: reads planes and views, writes the views' planes.

torchvision_reference.py FOLDER SIZE STEPS: each line of FOLDER/views.txt belongs to one picture of
FOLDER/before.f32 (float32, 3 x SIZE x SIZE, RGB in 0..255). Writes FOLDER/after.f32 (the same shape).
STEPS is one of
  crop    a line is top, left, height, width in pixels, and whether to mirror (0, 1)
  finish  a line is the brightness factor, the contrast factor, and the erased top, left, height, width in
          pixels; the planes are normalised to -1..1 before they are erased
"""
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

warnings.filterwarnings("ignore")


def crop(picture, top, left, height, width, mirror):
    box = [int(v) for v in (top, left, height, width)]
    result = F.resized_crop(picture, *box, [size, size], InterpolationMode.BILINEAR)
    return F.hflip(result) if mirror else result


def finish(picture, brightness, contrast, top, left, height, width):
    # torchvision's floating-point pictures are in 0..1.
    result = F.adjust_brightness(picture / 255, brightness)
    result = F.adjust_contrast(result, contrast)
    result = F.normalize(result, [0.5] * 3, [0.5] * 3)
    return F.erase(result, int(top), int(left), int(height), int(width), torch.zeros(1))


folder, size = Path(sys.argv[1]), int(sys.argv[2])
step = {"crop": crop, "finish": finish}[sys.argv[3]]
pictures = np.fromfile(folder / "before.f32", np.float32).reshape(-1, 3, size, size)
lines = (folder / "views.txt").read_text().splitlines()
assert len(lines) == len(pictures)
results = [step(torch.from_numpy(picture), *(float(word) for word in line.split()))
           for picture, line in zip(pictures, lines)]
torch.stack(results).numpy().tofile(folder / "after.f32")
