"""Small nets over images, each with what its kind is known for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention, spelled out or by PyTorch's own function; x: n t d."""

    def __init__(self, width: int, heads: int, *, fused: bool = False) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        n, t, d = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        if self.fused:
            y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            scores = q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5
            y = (scores if mask is None else scores + mask).softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(n, t, d))


class Block(nn.Module):
    """A transformer's layer, normalised before each part; x: n t d."""

    def __init__(self, width: int, heads: int, *, fused: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, fused=fused)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.attention(self.norm1(x), mask)
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Patches, a class token and a table of positions; x: n 3 32 32."""

    def __init__(self, *, fused: bool = False) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 24, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 24))
        self.positions = nn.Parameter(torch.randn(1, 17, 24))
        self.blocks = nn.ModuleList(Block(24, 3, fused=fused) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(24), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class SwinBlock(nn.Module):
    """Attention within shifted windows of 4 x 4, with a bias by relative position; x: n h w d."""

    def __init__(self, width: int, heads: int, shift: int) -> None:
        super().__init__()
        self.shift, self.norm = shift, nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.bias = nn.Parameter(torch.randn(1, heads, 16, 16))

    def forward(self, x: Tensor) -> Tensor:
        n, h, w, d = x.shape
        y = torch.roll(self.norm(x), (-self.shift, -self.shift), (1, 2))
        y = y.view(n, h // 4, 4, w // 4, 4, d).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, d)
        y = self.attention(y, self.bias)
        y = y.view(-1, h // 4, w // 4, 4, 4, d).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, d)
        return x + torch.roll(y, (self.shift, self.shift), (1, 2))


class Swin(nn.Module):
    """Two blocks, and a merging of patches; x: n 3 32 32."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 2, 2)
        self.blocks = nn.Sequential(SwinBlock(16, 2, 0), SwinBlock(16, 2, 2))
        self.merge, self.head = nn.Linear(64, 24, bias=False), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.patches(x).permute(0, 2, 3, 1))
        corners = [x[:, i::2, j::2] for j in range(2) for i in range(2)]
        return self.head(self.merge(torch.cat(corners, -1)).mean((1, 2)))


class ConvNeXt(nn.Module):
    """Depthwise convolutions, and a norm over channels that are moved last for it; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 4, 4)
        self.depthwise = nn.Conv2d(12, 12, 7, padding=3, groups=12)
        self.norm = nn.LayerNorm(12)
        self.up, self.down = nn.Linear(12, 48), nn.Linear(48, 12)
        self.scale, self.head = nn.Parameter(torch.randn(12)), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = (self.scale * self.down(functional.gelu(self.up(y)))).permute(0, 3, 1, 2)
        return self.head((x + y).mean((2, 3)))


class Mixer(nn.Module):
    """Dense layers over patches and over channels in turn; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 12, 4, 4), nn.LayerNorm(12)
        self.tokens, self.channels, self.head = (
            nn.Linear(16, 16),
            nn.Linear(12, 12),
            nn.Linear(12, 5),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.head((x + functional.silu(self.channels(x))).mean(1))


class ResNet(nn.Module):
    """A residual block with a stride, batch normalisation and a pooled head; x: n 3 32 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 7, 2, 3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        self.body = nn.Sequential(
            nn.Conv2d(8, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16),
        )  # fmt: skip
        self.short = nn.Sequential(nn.Conv2d(8, 16, 1, 2, bias=False), nn.BatchNorm2d(16))
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = functional.relu(self.body(x) + self.short(x))
        return self.head(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class MobileNet(nn.Module):
    """An inverted residual with squeeze-and-excitation and hard swish; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish())
        self.up = nn.Sequential(nn.Conv2d(8, 16, 1), nn.BatchNorm2d(16), nn.SiLU())
        self.depthwise = nn.Conv2d(16, 16, 5, 1, 2, groups=16)
        self.squeeze = nn.Sequential(nn.Conv2d(16, 4, 1), nn.ReLU6(), nn.Conv2d(4, 16, 1))
        self.down, self.head = nn.Conv2d(16, 8, 1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.depthwise(self.up(x))
        y = y * functional.hardsigmoid(self.squeeze(y.mean((2, 3), keepdim=True)))
        return self.head((x + functional.mish(self.down(y))).mean((2, 3)))


class Shuffle(nn.Module):
    """Grouped convolutions with a channel shuffle, split and joined; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one = nn.Conv2d(3, 12, 3, 2, 1), nn.Conv2d(6, 6, 3, 1, 1, groups=3)
        self.two, self.head = nn.Conv2d(12, 12, 1, groups=2), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.stem(x).chunk(2, 1)
        x = torch.cat([left, functional.leaky_relu(self.one(right))], 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(
            functional.adaptive_max_pool2d(
                functional.prelu(self.two(x), x.new_tensor([0.2])), 1
            ).flatten(1)
        )


class GroupNormNet(nn.Module):
    """Convolutions with group normalisation; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 12, 3, 1, 1), nn.GroupNorm(4, 12), nn.ReLU(), nn.Conv2d(12, 8, 3, 2, 1),
            nn.GroupNorm(2, 8), nn.ELU(), nn.Conv2d(8, 6, 3),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Style(nn.Module):
    """Reflected borders, instance normalisation and nearest upsampling; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(2), nn.Conv2d(3, 8, 5), nn.InstanceNorm2d(8, affine=True), nn.ReLU(),
            nn.Conv2d(8, 8, 3, 2, 1), nn.InstanceNorm2d(8), nn.Upsample(scale_factor=2),
            nn.ReplicationPad2d(1), nn.Conv2d(8, 3, 3), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class UNet(nn.Module):
    """Down by pooling, up by transposed convolution, joined on the way; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 12, 3, 1, 1)
        self.up = nn.ConvTranspose2d(12, 8, 3, 2, 1, output_padding=1)
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.one(x))
        y = functional.relu(self.up(functional.relu(self.two(functional.max_pool2d(x, 2)))))
        return torch.sigmoid(self.out(torch.cat([x, y], 1)))


class SuperResolution(nn.Module):
    """Pixel shuffle beside a bicubic enlargement; x: n 3 h w."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 12, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.pixel_shuffle(self.two(functional.relu(self.one(x))), 2)
        return y + functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)


class Fpn(nn.Module):
    """Maps enlarged to the sizes of others, and a context of the whole image; x: n 3 h w."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)
        self.wide, self.context = nn.Conv2d(8, 8, 3, 1, 2, dilation=2), nn.Conv2d(8, 8, 1)
        self.out = nn.Conv2d(8, 4, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = functional.relu(self.one(x))
        two = functional.relu(self.two(one))
        whole = self.context(functional.adaptive_avg_pool2d(two, 1)).expand_as(two)
        two = self.wide(two) + whole
        one = one + functional.interpolate(two, size=one.shape[2:], mode="nearest")
        return functional.interpolate(
            self.out(one), size=x.shape[2:], mode="bilinear", align_corners=False
        )


class Detector(nn.Module):
    """Boxes and scores of two maps, decoded over a grid and joined; x: n 3 32 32."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, 4, 1), nn.Conv2d(8, 8, 3, 2, 1)
        self.heads = nn.ModuleList(nn.Conv2d(8, 2 * 7, 1) for _ in range(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        one = functional.relu(self.one(x))
        maps = [
            head(m)
            for head, m in zip(self.heads, (one, functional.relu(self.two(one))), strict=True)
        ]
        outputs = torch.cat([self.decoded(m, 2**i * 4) for i, m in enumerate(maps)], 1)
        return outputs[..., :4], outputs[..., 4:].softmax(-1)

    def decoded(self, x: Tensor, stride: int) -> Tensor:
        n, _, h, w = x.shape
        x = x.view(n, 2, 7, h, w).permute(0, 1, 3, 4, 2)
        ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack((xs, ys), 2).view(1, 1, h, w, 2).float()
        centres = (x[..., :2].sigmoid() * 2 - 0.5 + grid) * stride
        sizes = x[..., 2:4].exp() * stride
        return torch.cat([centres, sizes, x[..., 4:]], -1).view(n, -1, 7)


class Transformed(nn.Module):
    """A spatial transformer: an affine grid that the image itself decides; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.theta = nn.Conv2d(3, 4, 5, 2, 2), nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.theta(functional.relu(self.one(x)).mean((2, 3))).view(-1, 2, 3)
        grid = functional.affine_grid(theta, [x.shape[0], 3, 16, 16], align_corners=False)
        return functional.grid_sample(x, grid, align_corners=False)


class Volume(nn.Module):
    """Convolutions and poolings over volumes; x: n 1 8 8 8."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(1, 4, 3, 1, 1), nn.BatchNorm3d(4), nn.ReLU(), nn.AvgPool3d(2),
            nn.ConvTranspose3d(4, 2, 2, 2), nn.Flatten(), nn.Linear(1024, 5), nn.LogSoftmax(1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Quantized(nn.Module):
    """Fake quantisation of weights by channel and of values, as for int8; x: n 3 16 16."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 4)
        self.register_buffer("scales", torch.linspace(0.002, 0.003, 8))
        self.register_buffer("zeros", torch.zeros(8, dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.fake_quantize_per_tensor_affine(x, 0.02, 128, 0, 255)
        w = torch.fake_quantize_per_channel_affine(
            self.one.weight, self.scales, self.zeros, 0, -128, 127
        )
        x = functional.relu(functional.conv2d(x, w, self.one.bias, 2, 1))
        x = torch.fake_quantize_per_tensor_affine(x, 0.01, 0, 0, 255)
        return self.two(x.mean((2, 3)))
