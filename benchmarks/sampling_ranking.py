"""Time 3,000 random pairs a picture and the improved ranking loss, forward and backward, on a batch of maps.

    python benchmarks/sampling_ranking.py [--json FILE] [--repeats 41] [--pictures 16] [--size 384] [--pairs 3000] [--seed 0]

`batched` is `depthsense.losses.RankingLoss`. The loop usual in research code is written here in plain sight, in two forms that differ in one thing: `indexed`
takes picture after picture by `pred[i]`, as most such code does, for which autograd makes a gradient of the whole batch's size for every picture;
`unbound` iterates over the batch, which makes it once. All get the same maps, on one thread, taking turns, so that whatever else the machine does falls
on all; the medians are compared. `wall` is what a clock on the wall shows, `cpu` the time the process itself computed: on a quiet machine they are the
same. Before timing, the losses are averaged over many draws and have to agree.
"""
import argparse
import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch
from provenance import provenance
from torch.nn import functional as F

from depthsense.losses import RankingLoss


def one_by_one(pictures, n=3000, sigma=0.02, drop=0.25, generator=None):
    "The improved ranking loss of `pictures`, each a `(pred, target, mask)`: select the valid pixels, shuffle them, label, rank, sort, drop"
    losses = []
    for p,t,m in pictures:
        p,t = p.masked_select(m),t.masked_select(m)
        points = torch.randperm(len(t), generator=generator)
        a,b = points[:n],points[n:2*n]
        r_a,r_b = 1-t[a],1-t[b]
        ordinal = (r_b > (1+sigma)*r_a).long() - (r_a > (1+sigma)*r_b).long()
        margin,unequal = p[a]-p[b],ordinal!=0
        ranked = F.softplus(-ordinal[unequal]*margin[unequal]).sort().values
        kept = ranked[int(drop*len(ranked)):]
        losses.append(torch.cat([kept, margin[~unequal]**2]).mean())
    return torch.stack(losses).mean()


def indexed(pred, target, mask, **kwargs): return one_by_one([(pred[i], target[i], mask[i]) for i in range(len(pred))], **kwargs)


def unbound(pred, target, mask, **kwargs): return one_by_one(zip(pred, target, mask), **kwargs)


def maps(pictures, size, generator):
    "Smooth random targets in 256 levels, noisy predictions, and two masks: True everywhere, and with patches missing"
    def smooth(): return F.interpolate(torch.rand(pictures, 1, 12, 12, generator=generator), (size, size), mode="bilinear")
    floor = torch.linspace(0, 1, size)[:,None].expand(size, size)
    target = ((smooth()+floor)/2*255).round()/255
    pred = target + 0.2*torch.randn(target.shape, generator=generator)
    patches = smooth() > 0.3
    return pred.requires_grad_(), target, {"every pixel valid": torch.ones_like(patches), "patches missing": patches}


def step(loss, pred, target, mask, generator):
    "Forward and backward, as in training; the seconds they took: wall, cpu"
    pred.grad = None
    wall,cpu = time.perf_counter(),time.process_time()
    loss(pred, target, mask, generator=generator).backward()
    return time.perf_counter()-wall, time.process_time()-cpu


def compare_losses(losses, pred, target, mask, draws, generator):
    "Mean loss of each way over `draws` draws, and how many standard errors lie between it and the batched one's"
    with torch.no_grad(): seen = {k:torch.stack([f(pred, target, mask, generator=generator) for _ in range(draws)]).double() for k,f in losses.items()}
    b = seen["batched"]
    def apart(a): return ((a.mean()-b.mean())/((a.var()+b.var())/draws).sqrt()).item()
    return {k:v.mean().item() for k,v in seen.items()}, {k:apart(v) for k,v in seen.items() if k!="batched"}


def compare_times(losses, pred, target, mask, repeats, generator):
    "Medians in milliseconds of each way, taking turns, and how many times faster the batched way is"
    for f in losses.values(): step(f, pred, target, mask, generator)
    seconds = [{k:step(f, pred, target, mask, generator) for k,f in losses.items()} for _ in range(repeats)]
    row = {}
    for i,clock in enumerate(("wall", "cpu")):
        row[clock] = {f"{k}_ms":1e3*statistics.median(o[k][i] for o in seconds) for k in losses}
        row[clock] |= {f"times_faster_than_{k}":row[clock][f"{k}_ms"]/row[clock]["batched_ms"] for k in losses if k!="batched"}
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    for name,value in dict(repeats=41, draws=60, pictures=16, size=384, pairs=3000, seed=0).items(): parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(args.seed)
    batched = RankingLoss(n=args.pairs, drop=0.25)
    losses = dict(indexed=partial(indexed, n=args.pairs), unbound=partial(unbound, n=args.pairs), batched=batched)
    pred,target,masks = maps(args.pictures, args.size, generator)
    results = {}
    print(f"{args.pairs:,} pairs x {args.pictures} pictures of {args.size}x{args.size}, forward and backward, one thread, medians of {args.repeats}")
    print(f"{'':24}{'indexed':>12}{'unbound':>12}{'batched':>12}   times faster than each")
    for name,mask in masks.items():
        means,apart = compare_losses(losses, pred, target, mask, args.draws, generator)
        if max(map(abs, apart.values()))>4: sys.exit(f"the losses do not agree: means {means}, standard errors apart {apart}")
        times = compare_times(losses, pred, target, mask, args.repeats, generator)
        results[name] = dict(valid=mask.float().mean().item(), loss=means, standard_errors_apart=apart, **times)
        for clock,row in times.items():
            print(f"{name+', '+clock:24}"+"".join(f"{row[k+'_ms']:9.1f} ms" for k in losses)+"".join(f"{row['times_faster_than_'+k]:7.1f}" for k in apart))
        print(f"{'mean loss':24}"+"".join(f"{o:12.4f}" for o in means.values())+f"   at most {max(map(abs, apart.values())):.1f} standard errors apart")
    if args.json is None: return
    settings = {k:v for k,v in vars(args).items() if k not in ("json", "seed")}
    command = " ".join(["python benchmarks/sampling_ranking.py"]+[f"--{k} {v}" for k,v in settings.items()])
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(dict(results=results, threads=1, **settings, **provenance(command, args.seed)), indent=2)+"\n")


if __name__ == "__main__": main()
