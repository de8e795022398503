#!/usr/bin/python3
"""The campaign's rows from search_spaces/, each trained for an epoch on small generated photos.

The weights are random: no real ones of InceptionV3 are at hand. torchvision makes them, so that its names are read.
"""
import pathlib
import re
import unittest

import torch
import torchvision

from harness import MultiprocTest

SPACES = pathlib.Path(__file__).parents[2] / "search_spaces"


def random_weights(network, path):
    """torchvision's state dict of a network with random weights. The head's statistics must stay finite: batch
    norms that have seen a batch keep the signal's scale through all layers."""
    torch.manual_seed(5)
    model = network()
    model.train()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        model(torch.randn(4, 3, 96, 96))
    torch.save(model.state_dict(), path)
    return path


class Campaign(MultiprocTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.photos = cls.synthesize(cls.shared / "photos", classes=3, per_class=16, size=96)

    def shortened(self, name, image_size, weights=""):
        """A search space of the repository with small photos and one epoch a trial."""
        text = (SPACES / name).read_text()
        text = re.sub(r"image_size: \d+", f"image_size: {image_size}", text)
        text = re.sub(r"epochs: \d+", "epochs: 1", text)
        text = text.replace("split: {test: 0.10, validation: 0.08", "split: {test: 0.2, validation: 0.2")
        path = self.folder / name
        path.write_text(text + weights)
        return path

    def test_rows_on_mobilenet_and_from_scratch(self):
        space = self.shortened("campaign.yaml", 64, "weights: {padding: symmetric, preprocessing: torch}\n")
        weights = random_weights(torchvision.models.mobilenet_v2, self.folder / "mobilenet.pth")
        done = self.job(2, "--search", space, "--data", self.photos, "--weights", weights).wait()
        self.assertEqual(done.code, 0, str(done))
        rows = {row["name"]: row for row in self.board().values()}
        self.assertEqual(set(rows), {"mobilenet-transfer-first", "mobilenet-transfer-final", "mobilenet-fine-tuned",
                                     "scratch-v1", "scratch-v2", "scratch-v3"})
        for name, row in rows.items():
            self.assertEqual(row["state"], "completed", f"{name}: {row['reason']}")
            self.assertIsNotNone(row["objective"], name)
        self.assertEqual(rows["mobilenet-fine-tuned"]["params"]["unfreeze"], "block_16_expand")
        self.assertEqual(rows["mobilenet-transfer-first"]["params"]["dense"], [512, 512, 128])

    def test_inception_rows_and_their_warm_start(self):
        space = self.shortened("campaign_inception.yaml", 75)
        weights = random_weights(
            lambda: torchvision.models.inception_v3(aux_logits=False, init_weights=False),
            self.folder / "inception.pth")
        done = self.job(1, "--search", space, "--data", self.photos, "--weights", weights).wait()
        self.assertEqual(done.code, 0, str(done))
        rows = {row["name"]: row for row in self.board().values()}
        self.assertEqual(set(rows), {"inception-transfer-final", "inception-fine-tuned-mixed9",
                                     "inception-fine-tuned-conv2d_93"})
        for name, row in rows.items():
            self.assertEqual(row["state"], "completed", f"{name}: {row['reason']}")
        transfer = rows["inception-transfer-final"]
        tuned = self.vizsla_json("trial", str(rows["inception-fine-tuned-mixed9"]["trial"]))
        self.assertEqual(tuned["init_from"]["trial"], transfer["trial"])
        self.assertGreaterEqual(tuned["started_at"], transfer["finished_at"])
        # What was fine-tuned from another trial stands alone, and is judged as it was trained.
        self.vizsla("pull", "--trial", str(tuned["trial"]), "-o", "tuned")
        judged = self.vizsla_json("evaluate", "tuned", "--data", self.photos, "--split", "validation")
        last = tuned["history"][-1]["metrics"]
        self.assertAlmostEqual(judged["loss"], last["val_loss"], delta=1e-3)


if __name__ == "__main__":
    unittest.main()
