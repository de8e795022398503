"""Writes photos of every kind that is promised into a folder, each with what PIL makes of it.

For NAME there are NAME (the file) and NAME.rgb: "WIDTH HEIGHT\n" and the RGB bytes, upright.
PIL is an independent reader of the same formats; for JPEG it uses the same libjpeg-turbo.
"""
import random
import sys
from pathlib import Path

from PIL import Image, ImageOps

folder = Path(sys.argv[1])
random.seed(4)


def photo(width, height):
    """Smooth colours with some noise, so that JPEG has something to do."""
    image = Image.new("RGB", (width, height))
    image.putdata([
        ((x * 255 // max(width - 1, 1) + random.randrange(20)) % 256,
         (y * 255 // max(height - 1, 1) + random.randrange(20)) % 256,
         (x * y + random.randrange(20)) % 256)
        for y in range(height) for x in range(width)])
    return image


def without_adobes_marker(jpeg):
    """The same JPEG without its APP14 segment; PIL still takes CMYK for Adobe's inverted values."""
    start = jpeg.index(b"\xff\xee")
    length = int.from_bytes(jpeg[start + 2:start + 4], "big")
    assert jpeg[start + 4:start + 9] == b"Adobe"
    return jpeg[:start] + jpeg[start + 2 + length:]


def save(name, image, change=None, **options):
    path = folder / name
    image.save(path, **options)
    if change:
        path.write_bytes(change(path.read_bytes()))
    with Image.open(path) as read:
        rgb = ImageOps.exif_transpose(read).convert("RGB")
    expected = f"{rgb.width} {rgb.height}\n".encode() + rgb.tobytes()
    (folder / (name + ".rgb")).write_bytes(expected)


base = photo(61, 40)
save("plain.jpg", base, quality=90)
save("fine_chroma.jpg", base, quality=95, subsampling=0)
save("progressive.jpg", base, quality=85, progressive=True)
save("restart.jpg", base, quality=85, optimize=True)
save("grey.jpg", base.convert("L"), quality=90)
save("cmyk_adobe.jpg", base.convert("CMYK"), quality=95)
save("cmyk_plain.jpg", base.convert("CMYK"), change=without_adobes_marker, quality=95)
for width, height in [(1, 1), (3, 500), (223, 7), (17, 16)]:
    save(f"odd_{width}x{height}.jpg", photo(width, height))
    save(f"odd_{width}x{height}.png", photo(width, height))
for orientation in range(1, 10):  # 9 is no orientation
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"exif_{orientation}.jpg", base, quality=90, exif=exif)
    save(f"exif_{orientation}.png", base, exif=exif)
save("plain.png", base)
save("grey.png", base.convert("L"))
save("one_bit.png", base.convert("1"))
palette = base.convert("P", palette=Image.ADAPTIVE, colors=60)
save("palette.png", palette)
save("palette_transparent.png", palette, transparency=3)
alpha = base.copy()
alpha.putalpha(Image.linear_gradient("L").resize(base.size))
save("alpha.png", alpha)
save("grey_alpha.png", alpha.convert("LA"))
