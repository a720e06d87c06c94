"The package, from settings.ini"
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here/"settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]


def lines(key): return [o.strip() for o in cfg.get(key, "").splitlines() if o.strip()]


extras = {o: lines(f"{o}_requirements") for o in ("train", "evaluate", "export", "stereo", "formats", "stream", "video", "app", "docs")}
extras["dev"] = [o for extra in ("dev", *extras) for o in lines(f"{extra}_requirements")]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(here/"README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    keywords=cfg["keywords"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    license="MIT",
    license_files=["LICENSE", "WEIGHTS_LICENSE.md"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        *[f"Programming Language :: Python :: 3.{o}" for o in (11, 12, 13)],
    ],
    packages=find_packages(include=[cfg["lib_name"], f"{cfg['lib_name']}.*"]),
    package_data={cfg["lib_name"]: ["weights/*.safetensors", "pictures/*"]},
    python_requires=f">={cfg['min_python']}",
    install_requires=lines("requirements"),
    extras_require=extras,
    entry_points={
        "console_scripts": lines("console_scripts"),
        "nbdev": [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"],
    },
    zip_safe=False,
)
