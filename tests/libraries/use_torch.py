# /// script
# dependencies = ["torch"]
# [tool.libraries]
# environment = "large"
# ///
import io

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(200):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
assert loss.item() < 0.05, loss
stream = io.BytesIO()
torch.save(net.state_dict(), stream)
stream.seek(0)
net.load_state_dict(torch.load(stream))


@torch.jit.script
def twice(t):
    return t * 2


assert twice(torch.ones(2)).tolist() == [2, 2]
