"""What each choice of a recipe is worth: short runs on ReDWeb that differ in one thing from a plain one

    python benchmarks/choices.py --list                                      # the rows, and which of them have been run
    python benchmarks/choices.py --json results/choices.json --threads 1     # run what is missing; Ctrl-C, and the same line goes on
    python benchmarks/choices.py --json FILE "width *" "plain, seed 2"       # run these again

Needs ReDWeb (`--data`, or DEPTHSENSE_REDWEB), and ImageNet weights for the encoders that are asked for. The plain row is the recipe `laptop` for four epochs of
128 pixels, with three seeds; every other row changes one entry of it and is scored on `val` like it, by WHDR and by the share of the truth's variance that a
prediction leaves unexplained. Two processes may share the work: rows already begun by another are passed over.
"""
from dataclasses import replace

import ablations
import torch
from torch.utils.flop_counter import FlopCounterMode

from depthsense.models.depthnet import DepthNet
from depthsense.training.redweb import RECIPES

LAPTOP = RECIPES["laptop"]
PLAIN = replace(LAPTOP, settings=replace(LAPTOP.settings, epochs=4, validate_every=4))
RANKING = dict(improved_ranking=1.)


def settings(**changes): return dict(settings=replace(PLAIN.settings, **changes))


# Of each choice: what the plain row has, and what else is tried
CHOICES = {
    "encoder": ("lite0", {o: dict(encoder=f"tf_efficientnet_{o}") for o in ("lite1", "lite2")}),
    "width": ("48", {str(o): dict(width=o) for o in (32, 64)}),
    "size": ("128", {str(o): dict(size=o) for o in (160, 192)}),
    "aspect": ("squeezed", dict(kept=dict(aspect=True))),
    "gradient matching": ("0.1", {"0": dict(loss=RANKING)}),
    "affine-invariant": ("0", {"0.3": dict(loss=PLAIN.loss | dict(affine_invariant=0.3))}),
    "colour": ("0.3", {"0": dict(color=0.)}),
    "crops from": ("0.5", {"0.3": dict(scale=0.3)}),
    "blocks left out": ("0", {"0.1": dict(drop_path=0.1)}),
    "averaging": ("0.99", {f"{o:g}": settings(ema=o) for o in (0.9, 0.998)}),
    "epochs": ("4", {"8": settings(epochs=8, validate_every=8)}),
}


# What keeps a network that sees the same pictures again and again from learning them by heart: 700 pictures, 32 times each, small squares
FEW = replace(PLAIN, pictures=700, size=96, scale=0.3, color=0.4, drop_path=0.1, settings=replace(PLAIN.settings, epochs=8, validate_every=8, ema=0.995))


def few(**changes): return dict(settings=replace(FEW.settings, **changes))


BY_HEART = {
    "encoder's learning rate": ("0.1", {f"{o:g}": few(encoder_lr=o) for o in (0.03, 0.3, 1.)}),
    "encoder frozen for": ("0.05", {"0.4": few(frozen=0.4)}),
}


def rows():
    "Name of each run, and its recipe"
    plain = {f"plain, seed {o}": replace(PLAIN, **settings(seed=o)) for o in range(3)}
    plain |= {f"{k} {value}, seed 0": replace(PLAIN, **change) for k, (_, others) in CHOICES.items() for value, change in others.items()}
    by_heart = {f"few pictures, seed {o}": replace(FEW, **few(seed=o)) for o in range(2)}
    by_heart |= {f"few pictures, {k} {value}, seed 0": replace(FEW, **change) for k, (_, others) in BY_HEART.items() for value, change in others.items()}
    return plain | by_heart


def costs(recipe):
    "Weights, and multiply-adds for one square"
    with torch.device("meta"): net, image = DepthNet(recipe.encoder, recipe.width, recipe.hidden).eval(), torch.zeros(1, 3, recipe.size, recipe.size)
    with FlopCounterMode(display=False) as counter: net(image)
    return dict(parameters=sum(o.numel() for o in net.parameters()), multiply_adds=counter.get_total_flops()//2)


def run(name, recipe, *args): return ablations.run(name, recipe, *args) | costs(recipe)


if __name__ == "__main__": ablations.main(__doc__, rows(), "choices.json", run)
