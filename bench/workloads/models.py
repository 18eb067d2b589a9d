"""Small own models with random weights: a transformer with a key-value cache, ResNet-50, a vision transformer, a U-Net."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), 1e-5)


def rotate(x, cos, sin):
    """Rotary positions: x is [batch, heads, time, size], cos and sin are [time, size / 2]."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Block(nn.Module):
    def __init__(self, width, heads, causal=True):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = RmsNorm(width), RmsNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x, cos, sin, attend=None):
        """`attend(q, k, v)` replaces plain attention where a cache takes part."""
        batch, time, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        y = attend(q, k, v) if attend else F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate='tanh'))


class Transformer(nn.Module):
    def __init__(self, layers, width, heads, words=32768, longest=2048, causal=True):
        super().__init__()
        self.words, self.heads, self.width, self.longest = words, heads, width, longest
        self.embed = nn.Embedding(words, width)
        self.blocks = nn.ModuleList(Block(width, heads, causal) for _ in range(layers))
        self.norm = RmsNorm(width)
        self.head = nn.Linear(width, words, bias=False)
        half = width // heads // 2
        turns = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
        angle = torch.arange(longest, dtype=torch.float32)[:, None] * turns[None, :]
        self.register_buffer('cos', angle.cos(), persistent=False)
        self.register_buffer('sin', angle.sin(), persistent=False)
        self.register_buffer('places', torch.arange(longest), persistent=False)

    def forward(self, tokens, only_features=False):
        x = self.embed(tokens)
        cos, sin = self.cos[:tokens.shape[1]], self.sin[:tokens.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin)
        x = self.norm(x)
        return x if only_features else self.head(x)

    def new_cache(self, rows, device, dtype):
        size = (rows, self.heads, self.longest, self.width // self.heads)
        return [(torch.zeros(size, device=device, dtype=dtype), torch.zeros(size, device=device, dtype=dtype))
                for _ in self.blocks]

    def prefill(self, tokens, cache, rows=None):
        """Fills those rows of the cache (the first ones without `rows`); the scores of each row's next token."""
        count, time = tokens.shape
        rows = self.places[:count] if rows is None else rows
        x = self.embed(tokens)
        for block, (keys, values) in zip(self.blocks, cache):
            def attend(q, k, v, keys=keys, values=values):
                keys[rows, :, :time], values[rows, :, :time] = k, v
                return F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = block(x, self.cos[:time], self.sin[:time], attend)
        return self.head(self.norm(x[:, -1]))

    def step(self, tokens, cache, at):
        """One more token for the first rows of the cache, row i at the place at[i]; the scores of the token after it.

        Every shape is fixed and every place is on the device, so that a graph can capture it."""
        count = tokens.shape[0]
        rows = self.places[:count]
        cos, sin = self.cos[at][:, None, None, :], self.sin[at][:, None, None, :]
        mask = (self.places[None, :] <= at[:, None])[:, None, None, :]
        x = self.embed(tokens)
        for block, (keys, values) in zip(self.blocks, cache):
            def attend(q, k, v, keys=keys, values=values):
                keys[rows, :, at], values[rows, :, at] = k[:, :, 0], v[:, :, 0]
                return F.scaled_dot_product_attention(q, keys[:count], values[:count], attn_mask=mask)
            x = block(x, cos, sin, attend)
        return self.head(self.norm(x[:, -1]))


class Quantised(nn.Module):
    """A linear layer with int8 or fp8 weights and activations quantised on the way, as a serving engine does."""

    def __init__(self, linear, kind):
        super().__init__()
        self.kind, self.most = kind, 127.0 if kind == torch.int8 else 448.0
        weight = linear.weight.float()
        # int8 has a scale for every row, fp8 one for all: what each product takes
        scale = weight.abs().amax(1, keepdim=True) if kind == torch.int8 else weight.abs().amax()
        self.register_buffer('scale', (scale / self.most).float())
        self.register_buffer('weight', self.cast(weight / self.scale))

    def cast(self, x):
        x = x.clamp(-self.most, self.most)
        return (x.round() if self.kind == torch.int8 else x).to(self.kind)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1])
        count = flat.shape[0]
        flat = F.pad(flat, (0, 0, 0, max(32 - count, -count % 16)))  # the products take no fewer and no odd rows
        if self.kind == torch.int8:
            scale = flat.abs().amax(1, keepdim=True).clamp(min=1e-6).float() / self.most
            y = torch._int_mm(self.cast(flat / scale), self.weight.t()) * scale * self.scale.t()
        else:
            scale = flat.abs().amax().clamp(min=1e-6).float() / self.most
            y = torch._scaled_mm(self.cast(flat / scale), self.weight.t(), scale, self.scale, out_dtype=torch.bfloat16)
        return y[:count].to(x.dtype).view(*x.shape[:-1], -1)


def quantise(model, kind):
    for block in model.blocks:
        for name in ('qkv', 'out', 'up', 'down'):
            setattr(block, name, Quantised(getattr(block, name), kind))
    return model


def on_device(build, chosen, dtype=torch.float32):
    """Builds on the device, so that random weights need no host memory and no transfer."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(chosen.device):
            return build()
    finally:
        torch.set_default_dtype(before)


class Bottleneck(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        after = 4 * width
        self.a, self.na = nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width)
        self.b, self.nb = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.c, self.nc = nn.Conv2d(width, after, 1, bias=False), nn.BatchNorm2d(after)
        self.skip = None
        if stride != 1 or before != after:
            self.skip = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = F.relu(self.na(self.a(x)), inplace=True)
        y = F.relu(self.nb(self.b(y)), inplace=True)
        return F.relu(self.nc(self.c(y)) + (x if self.skip is None else self.skip(x)))


class ResNet(nn.Module):
    def __init__(self, depths=(3, 4, 6, 3), classes=1000):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
                                  nn.MaxPool2d(3, 2, 1))
        layers, before = [], 64
        for stage, depth in enumerate(depths):
            for i in range(depth):
                layers.append(Bottleneck(before, 64 << stage, 2 if stage and i == 0 else 1))
                before = 4 * (64 << stage)
        self.stages = nn.Sequential(*layers)
        self.head = nn.Linear(before, classes)

    def forward(self, x):
        return self.head(self.stages(self.stem(x)).mean((2, 3)))


class Vit(nn.Module):
    def __init__(self, layers=12, width=768, heads=12, patch=16, side=224, classes=1000):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.place = nn.Parameter(torch.randn(1, (side // patch) ** 2, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, 'gelu', batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.place
        return self.head(self.body(x).mean(1))


class Residual(nn.Module):
    def __init__(self, before, after, time):
        super().__init__()
        self.n1, self.c1 = nn.GroupNorm(min(32, before), before), nn.Conv2d(before, after, 3, 1, 1)
        self.n2, self.c2 = nn.GroupNorm(min(32, after), after), nn.Conv2d(after, after, 3, 1, 1)
        self.t = nn.Linear(time, after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x, t):
        y = self.c1(F.silu(self.n1(x))) + self.t(t)[:, :, None, None]
        return self.skip(x) + self.c2(F.silu(self.n2(y)))


class Attention2d(nn.Module):
    def __init__(self, width, context, heads=8):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(min(32, width), width)
        self.qkv, self.q = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.kv, self.out = nn.Linear(context, 2 * width), nn.Linear(width, width)

    def split(self, x, parts):
        b, n, _ = x.shape
        return x.view(b, n, parts, self.heads, -1).permute(2, 0, 3, 1, 4)

    def forward(self, x, context):
        b, c, h, w = x.shape
        y = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.split(self.qkv(y), 3)
        y = y + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        q, (k, v) = self.split(self.q(y), 1)[0], self.split(self.kv(context), 2)
        y = y + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        return x + self.out(y).transpose(1, 2).reshape(b, c, h, w)


class Unet(nn.Module):
    """Three levels with attention at the lower two, and a plain convolutional decoder for the image."""

    def __init__(self, width=320, context=768):
        super().__init__()
        self.width = width
        widths = (width, 2 * width, 4 * width)
        time = 4 * width
        self.time = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))
        self.first, self.last = nn.Conv2d(4, width, 3, 1, 1), nn.Conv2d(width, 4, 3, 1, 1)
        self.down, self.up, self.shrink, self.grow = (nn.ModuleList() for _ in range(4))
        for i, w in enumerate(widths):
            before = widths[max(i - 1, 0)]
            self.down.append(nn.ModuleList([Residual(before, w, time), Attention2d(w, context), Residual(w, w, time)]))
            self.shrink.append(nn.Conv2d(w, w, 3, 2, 1) if i < 2 else nn.Identity())
            after = widths[max(i - 1, 0)]
            self.up.insert(0, nn.ModuleList([Residual(2 * w, w, time), Attention2d(w, context), Residual(w, after, time)]))
        self.picture = nn.Sequential(nn.Conv2d(4, 256, 3, 1, 1), nn.SiLU(), nn.Upsample(scale_factor=2),
                                     nn.Conv2d(256, 128, 3, 1, 1), nn.SiLU(), nn.Upsample(scale_factor=2),
                                     nn.Conv2d(128, 64, 3, 1, 1), nn.SiLU(), nn.Conv2d(64, 3, 3, 1, 1))

    def forward(self, x, t, context):
        half = self.width // 2
        angle = t[:, None] * torch.exp(-math.log(10000) * torch.arange(half, device=x.device) / half)[None, :]
        t = F.silu(self.time(torch.cat((angle.cos(), angle.sin()), 1).to(x.dtype)))
        x, kept = self.first(x), []
        for i, (a, attention, b) in enumerate(self.down):
            x = b(attention(a(x, t), context) if i else a(x, t), t)
            kept.append(x)
            x = self.shrink[i](x)
        for i, (a, attention, b) in enumerate(self.up):
            side = kept.pop()
            if x.shape[-1] != side.shape[-1]:
                x = F.interpolate(x, size=side.shape[-2:])
            x = a(torch.cat((x, side), 1), t)
            x = b(attention(x, context) if i < 2 else x, t)
        return self.last(x)
