"The loop where it takes too long for a page"
import torch

from depthsense.losses.ranking import RankingLoss
from depthsense.models.depthnet import DepthNet
from depthsense.training.loop import Settings, fit


def test_compile_changes_no_number(tmp_path):
    "torch.compile traces the network, also when part of it begins to learn and when the size changes; what runs here is the trace, without a compiler"
    data = [dict(image=o, target=o[:1], mask=torch.ones(1, 64, 64, dtype=torch.bool)) for o in torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))]
    weights = []
    for backend in ("", "eager"):
        torch.manual_seed(0)
        model = DepthNet("test_efficientnet", 8, 8)
        settings = Settings(epochs=2, batch_size=4, workers=0, frozen=0.25, sizes=(32, 64), compile=backend)
        fit(model, RankingLoss(50), data, tmp_path/f"run{backend}", settings, progress=False)
        assert (model._compiled_call_impl is not None)==bool(backend)
        weights.append(model.state_dict())
    assert weights[0].keys()==weights[1].keys()
    assert all((v-weights[1][k]).abs().max()<1e-6 for k, v in weights[0].items() if k!="output.conv2.bias")
