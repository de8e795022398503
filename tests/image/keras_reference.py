"""Keras' augmentation by its definition, with scipy: reads a photo and views, writes the views' pixels.

keras_reference.py FOLDER SIZE: FOLDER/photo.raw is SIZE x SIZE x 3 bytes; each line of FOLDER/views.txt
is flip, theta (degrees), tx, ty (fractions of height and width), shear (degrees), zx, zy. Writes FOLDER/expected.f32,
float32 (view, row, column, channel) in 0..255.

The functions follow keras_preprocessing 1.1.2, image/affine_transformations.py.
"""
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage


def transform_matrix_offset_center(matrix, x, y):
    o_x = float(x) / 2 - 0.5
    o_y = float(y) / 2 - 0.5
    offset_matrix = np.array([[1, 0, o_x], [0, 1, o_y], [0, 0, 1]])
    reset_matrix = np.array([[1, 0, -o_x], [0, 1, -o_y], [0, 0, 1]])
    return np.dot(np.dot(offset_matrix, matrix), reset_matrix)


def apply_affine_transform(x, theta, tx, ty, shear, zx, zy):
    transform_matrix = None
    if theta != 0:
        theta = np.deg2rad(theta)
        transform_matrix = np.array(
            [[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    if tx != 0 or ty != 0:
        shift_matrix = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
        transform_matrix = shift_matrix if transform_matrix is None else np.dot(
            transform_matrix, shift_matrix)
    if shear != 0:
        shear = np.deg2rad(shear)
        shear_matrix = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
        transform_matrix = shear_matrix if transform_matrix is None else np.dot(
            transform_matrix, shear_matrix)
    if zx != 1 or zy != 1:
        zoom_matrix = np.array([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
        transform_matrix = zoom_matrix if transform_matrix is None else np.dot(
            transform_matrix, zoom_matrix)
    if transform_matrix is None:
        return x
    h, w = x.shape[0], x.shape[1]
    transform_matrix = transform_matrix_offset_center(transform_matrix, h, w)
    x = np.rollaxis(x, 2, 0)
    channels = [
        ndimage.affine_transform(channel, transform_matrix[:2, :2], transform_matrix[:2, 2],
                                 order=1, mode="nearest", cval=0.0) for channel in x]
    return np.rollaxis(np.stack(channels, axis=0), 0, 3)


folder, size = Path(sys.argv[1]), int(sys.argv[2])
photo = np.frombuffer((folder / "photo.raw").read_bytes(), np.uint8)
photo = photo.reshape(size, size, 3).astype(np.float32)
results = []
for line in (folder / "views.txt").read_text().splitlines():
    flip, theta, tx, ty, shear, zx, zy = (float(word) for word in line.split())
    view = apply_affine_transform(photo, theta, tx * size, ty * size, shear, zx, zy)
    if flip:
        view = view[:, ::-1, :]
    results.append(view.astype(np.float32))
np.stack(results).tofile(folder / "expected.f32")
