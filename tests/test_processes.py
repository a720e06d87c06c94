"""One run shared by two real processes, against one process with the same pictures a step

Batch norm stands still, and the loss draws nothing by chance: then the processes together do what one does, to rounding. The two talk through gloo, on the CPU.
"""
import json
import os
import subprocess
import sys

import pytest
from safetensors.torch import load_file

WORKER = '''
import json, os, sys
import torch
from accelerate import Accelerator
from depthsense.losses.combined import DepthLoss
from depthsense.models.depthnet import DepthNet
from depthsense.training import loop

class Drawn(torch.utils.data.Dataset):
    def __len__(self): return 9
    def __getitem__(self, i):
        g = torch.Generator().manual_seed(i)
        image = torch.rand(3, 64, 64, generator=g)
        return dict(image=(image+0.1*torch.rand(3, 64, 64)).clamp(0, 1), target=image[:1], mask=image[1:2]>0.1)

out, settings, mishap = sys.argv[1], loop.Settings(**json.loads(sys.argv[2])), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(0)
model, loss = DepthNet("test_efficientnet", 8, 8), DepthLoss(dict(affine_invariant=1., l1=1.))
gradients, clip = {}, Accelerator.clip_grad_norm_
def clipped(self, parameters, *args):
    parameters = list(parameters)
    gradients.update({k:p.grad.clone(memory_format=torch.contiguous_format) for k,p in model.named_parameters() if p.grad is not None})
    return clip(self, parameters, *args)
Accelerator.clip_grad_norm_ = clipped
def exam(net):
    "Not the same on the two processes: the first one's word must count"
    return dict(whdr=0.5 if int(os.environ.get("RANK", 0))==0 else 0.9/(1+sum(1 for _ in open(out+"/log.jsonl"))))
def watch(line, state):
    if line["step"]==mishap: os._exit(9)
line = loop.fit(model, loss, Drawn(), out, settings, exam, progress=False, watch=watch)
accelerator = Accelerator()
from safetensors.torch import save_file
if accelerator.is_main_process: save_file(gradients, out+".gradients.safetensors")
with open(f"{out}.{accelerator.process_index}.said", "w") as file:
    file.write(f"{accelerator.num_processes} processes, {torch.distributed.get_backend() if torch.distributed.is_initialized() else 'alone'}, step {line['step']}")
accelerator.wait_for_everyone()
accelerator.end_training()
'''
ALONE = dict(epochs=3, batch_size=4, workers=0, frozen=0.2, frozen_levels=1, save_every=1, frozen_norms=True, lr=1e-3, color=0.3, grey=0.2, sizes=(32, 64))


def run(folder, name, n, settings, mishap=0, ends=0):
    "The same command, with one process or two; where one dies, the other is stopped"
    (folder/"worker.py").write_text(WORKER)
    start = [sys.executable] if n==1 else [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(n)]
    command = [*start, str(folder/"worker.py"), str(folder/name), json.dumps(settings), str(mishap)]
    environment = os.environ | dict(OMP_NUM_THREADS="1", ACCELERATE_USE_CPU="true")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode==ends, done.stderr[-6000:]
    return done.stderr


def weights(folder, name, part): return load_file(folder/name/"last"/f"{part}.safetensors")


def apart(a, b):
    assert a.keys()==b.keys()
    return max((v.float()-b[k].float()).abs().max().item() for k, v in a.items())


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    "One process with four pictures a step; two with two each, of which the first dies after its third step; the same command is given again"
    folder = tmp_path_factory.mktemp("runs")
    run(folder, "one", 1, ALONE)
    two = folder, "two", 2, ALONE | dict(batch_size=2), 3
    assert "exitcode: 9" in run(*two, ends=1)
    run(*two)
    return folder


def test_there_are_two(runs):
    assert (runs/"one.0.said").read_text()=="1 processes, alone, step 6"
    assert [(runs/f"two.{i}.said").read_text() for i in range(2)]==["2 processes, gloo, step 6"]*2
    assert json.loads((runs/"two"/"config.json").read_text())["processes"]==2


def test_gradients_and_weights_are_those_of_one_process(runs):
    "Those of the last step, when the encoder learns, although the two had to start again on the way"
    gradients = [load_file(runs/f"{o}.gradients.safetensors") for o in ("one", "two")]
    assert any(o.abs().max()>1e-3 for k, o in gradients[0].items() if k.startswith("encoder."))
    assert apart(*gradients)<1e-5
    for part in ("model", "average"): assert apart(weights(runs, "one", part), weights(runs, "two", part))<1e-5


def test_the_log_is_written_once(runs):
    "By the first process, of the losses of both, and by its own scores: to the other one nothing but the first score looks good"
    logs = [[json.loads(o) for o in (runs/name/"log.jsonl").read_text().splitlines()] for name in ("one", "two")]
    assert [o["step"] for o in logs[0]]==[o["step"] for o in logs[1]]==[1, 2, 3, 4, 5, 6]
    assert all(abs(a[k]-b[k])<1e-5 for a, b in zip(*logs) for k in ("loss", "loss/l1", "lr"))
    assert [o["whdr"] for o in logs[1] if "whdr" in o]==[0.5]*3
