"""The picture that is shown where a page of the site is shared, docs/_static/card.jpg, from the front page's first: `python docs/card.py`"""
from configparser import ConfigParser
from pathlib import Path

from matplotlib import pyplot as plt
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
config = ConfigParser(delimiters=["="])
config.read(ROOT/"settings.ini", encoding="utf-8")

if __name__ == "__main__":
    fig = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="#1b1044")
    ax = fig.add_axes((0.03, 0.04, 0.94, 0.62))
    ax.imshow(Image.open(ROOT/"docs"/"pictures"/"readme_1.jpg"))
    ax.axis("off")
    fig.text(0.03, 0.84, config["DEFAULT"]["title"], color="white", size=46, weight="bold")
    fig.text(0.03, 0.74, "One photograph: what is near, and what is far?", color="#fcb97d", size=25)
    fig.savefig(ROOT/"docs"/"_static"/"card.jpg", pil_kwargs=dict(quality=85))
