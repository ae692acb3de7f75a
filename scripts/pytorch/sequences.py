"""Small nets over sequences, each with what its kind is known for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from vision import Attention, Block


class Bert(nn.Module):
    """Embeddings of tokens and positions, and a mask of what is padding; ids, mask: n t."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(50, 16), nn.Embedding(12, 16)
        self.norm = nn.LayerNorm(16)
        self.blocks = nn.ModuleList(Block(16, 2) for _ in range(2))
        self.pool, self.head = nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        positions = torch.arange(ids.shape[1]).unsqueeze(0)
        x = self.norm(self.tokens(ids) + self.positions(positions))
        hidden = (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for block in self.blocks:
            x = block(x, hidden)
        return x, self.head(torch.tanh(self.pool(x[:, 0])))


class Decoder(nn.Module):
    """A causal mask from a triangle, positions of sines, and logits by the table's own weights;
    ids: n t."""

    def __init__(self, *, fused: bool = False) -> None:
        super().__init__()
        self.tokens = nn.Embedding(40, 16)
        steps = torch.arange(10)[:, None] / 10000 ** (torch.arange(8) / 8)
        self.register_buffer("positions", torch.cat([steps.sin(), steps.cos()], -1))
        self.block = Block(16, 4, fused=fused)

    def forward(self, ids: Tensor) -> Tensor:
        t = ids.shape[1]
        x = self.tokens(ids) + self.positions[:t]
        mask = torch.triu(torch.full((t, t), float("-inf")), diagonal=1)
        return self.block(x, mask) @ self.tokens.weight.t()


class Conformer(nn.Module):
    """A convolution module between attention and dense layers; x: n 12 16."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.norm = Attention(16, 4), nn.LayerNorm(16)
        self.gate, self.depthwise = nn.Conv1d(16, 32, 1), nn.Conv1d(16, 16, 5, padding=2, groups=16)
        self.batch_norm, self.out = nn.BatchNorm1d(16), nn.Conv1d(16, 16, 1)
        self.dense = nn.Sequential(
            nn.LayerNorm(16), nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 16)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.dense(x)
        x = x + self.attention(self.norm(x))
        y = functional.glu(self.gate(x.transpose(1, 2)), 1)
        y = self.out(functional.silu(self.batch_norm(self.depthwise(y))))
        return x + y.transpose(1, 2)


class Encoder(nn.Module):
    """PyTorch's own transformer layer, normalised after each part; x: n 6 16."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Einsums(nn.Module):
    """Attention by einsum, and weighted sums over heads; x: n 6 8."""

    def __init__(self) -> None:
        super().__init__()
        self.q = nn.Parameter(torch.randn(8, 2, 4))
        self.k, self.v = nn.Parameter(torch.randn(8, 2, 4)), nn.Parameter(torch.randn(8, 2, 4))

    def forward(self, x: Tensor) -> Tensor:
        q, k = (torch.einsum("ntd,dhe->nhte", x, w) for w in (self.q, self.k))
        v = torch.einsum("ntd,dhe->nhte", x, self.v)
        scores = torch.einsum("nhqe,nhke->nhqk", q, k).softmax(-1)
        return torch.einsum("nhqk,nhke,dhe->nqd", scores, v, self.q)


class Recurrent(nn.Module):
    """A recurrent net of some kind over whole sequences, and its last state; x: n t 6."""

    def __init__(self, kind: str, *, batch_first: bool, bidirectional: bool, layers: int) -> None:
        super().__init__()
        self.net = getattr(nn, kind)(
            6, 5, layers, batch_first=batch_first, bidirectional=bidirectional
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, state = self.net(x)
        return y, state[0] if isinstance(state, tuple) else state


class Stateful(nn.Module):
    """A state that goes in and comes out; x: n 4 6, h and c: 1 n 5."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.out = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.net(x, (h, c))
        return torch.sigmoid(self.out(y)), h, c


class Crnn(nn.Module):
    """Columns of a convolved image read by an LSTM in both directions; x: n 1 8 24."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 6, 3, 1, 1), nn.Conv2d(6, 6, (4, 1))
        self.net = nn.LSTM(6, 5, bidirectional=True)
        self.out = nn.Linear(10, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(functional.max_pool2d(functional.relu(self.one(x)), 2))
        y, _ = self.net(x.squeeze(2).permute(2, 0, 1))
        return self.out(y).log_softmax(2)


class Tcn(nn.Module):
    """Causal, dilated convolutions over time with weight normalisation; x: n 4 20."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv1d(4, 6, 3, dilation=1)
        self.two, self.skip = nn.Conv1d(6, 6, 3, dilation=2), nn.Conv1d(4, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.one(functional.pad(x, (2, 0))))
        return functional.softplus(self.two(functional.pad(y, (4, 0))) + self.skip(x))
