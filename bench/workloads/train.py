#!/usr/bin/env python3
"""training-like workloads: random weights, random but fixed data, real gradient steps.

Each one learns its few batches by heart, so `done` carries the loss before and after: proof that gradients flow."""
import io
import random
import time

from common import Loop, fitting, main, needs, pinned, refuse, say, synchronize
from models import ResNet, Transformer, Vit, on_device

import torch
import torch.nn.functional as F
from torch import nn


def autocast(chosen):
    return torch.autocast(chosen.device, dtype=torch.bfloat16)


def adam(model, chosen, rate=1e-4):
    wanted = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(wanted, rate, fused=chosen.device == 'cuda')


def cycle(rows, prepare):
    """Batches in pinned host memory, as a data loader leaves them, one after the other for ever."""
    n = 0
    while True:
        yield prepare(rows[n % len(rows)])
        n += 1


def token_batches(chosen, words, batch, length, count=8):
    rows = [pinned(torch.randint(words, (batch, length + 1)), chosen) for _ in range(count)]
    return cycle(rows, lambda row: row.to(chosen.device, non_blocking=True))


def loss_of(model, tokens):
    logits = model(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten())


def train(chosen, unit, step, per_step, warm=3, between=None):
    """Steps until the time is up. Looks at the loss every tenth step, as trainers log it, and at both ends."""
    first = step().item()
    for _ in range(warm - 1):
        step()
    loop = Loop(chosen, unit)
    recent = []
    loop.facts = {'lossFirst': round(first, 4),
                  'lossLast': lambda: round(sum(x.item() for x in recent) / max(1, len(recent)), 4)}
    steps = 0
    while loop.more():
        recent = [*recent[-7:], step()]
        loop.count += per_step
        steps += 1
        if steps % 10 == 0:
            recent[-1].item()
        if between:
            between(steps)


def language(chosen, batch=8):
    layers, width, heads, words, length = (2, 64, 2, 500, 32) if chosen.tiny else (24, 1024, 16, 32768, 1024)
    model = on_device(lambda: Transformer(layers, width, heads, words, length), chosen)
    data = token_batches(chosen, words, batch, length, 4)
    return model, data, batch * length


def gpt(chosen, compiled=False, accumulate=1, between=None, batch=None):
    batch = 2 if chosen.tiny else batch or fitting(chosen, [(8, 20), (4, 14)])
    model, data, tokens = language(chosen, batch)
    optimizer = adam(model, chosen)
    if compiled:
        for block in model.blocks:  # one compilation serves all blocks, which are alike
            block.compile()

    def step():
        total = torch.zeros((), device=chosen.device)
        for _ in range(accumulate):
            with autocast(chosen):
                loss = loss_of(model, next(data)) / accumulate
            loss.backward()
            total += loss.detach()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total

    if compiled:
        try:
            step()
        except torch._dynamo.exc.TorchDynamoException as error:
            refuse(f'cannot compile here: {str(error)[:200]}')
    train(chosen, 'token', step, accumulate * tokens, 1 if accumulate > 1 else 3,
          between(chosen, model) if between else None)


def pacing(chosen, _model, pause=0.25):
    """Waits after each step for longer than the step took, by a random amount."""
    def wait(_steps):
        synchronize(chosen)
        time.sleep(pause * random.uniform(0.5, 1.5))
    return wait


def checkpointing(chosen, model, every=6.0):
    """Every few seconds the weights go to the host and are packed there while the device waits."""
    state = {'at': time.monotonic()}

    def save(_steps):
        if time.monotonic() - state['at'] < (0.5 if chosen.tiny else every):
            return
        say('phase', name='checkpoint')
        torch.save({name: value.cpu() for name, value in model.state_dict().items()}, io.BytesIO())
        say('phase', name='step')
        state['at'] = time.monotonic()
    return save


def vision(chosen, build, batch, side, optimizer_of):
    model = on_device(build, chosen).to(memory_format=torch.channels_last)
    optimizer = optimizer_of(model)
    rows = [(pinned(torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
                    .contiguous(memory_format=torch.channels_last), chosen),
             pinned(torch.randint(1000, (batch,)), chosen)) for _ in range(4)]
    data = cycle(rows, lambda row: [part.to(chosen.device, non_blocking=True) for part in row])

    def step():
        pictures, labels = next(data)
        with autocast(chosen):
            loss = F.cross_entropy(model(pictures.float().div_(127.5).sub_(1)).float(), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    train(chosen, 'image', step, batch, 4)


def resnet(chosen):
    if chosen.device == 'cuda':
        torch.backends.cudnn.benchmark = True
    batch, side = (2, 64) if chosen.tiny else (fitting(chosen, [(256, 28), (128, 14)]), 224)
    vision(chosen, lambda: ResNet((1, 1, 1, 1) if chosen.tiny else (3, 4, 6, 3)), batch, side,
           lambda model: torch.optim.SGD(model.parameters(), 0.02, 0.9))


def vit(chosen):
    batch, side = (2, 32) if chosen.tiny else (fitting(chosen, [(128, 18), (64, 12)]), 224)
    build = (lambda: Vit(1, 32, 2, 16, side)) if chosen.tiny else (lambda: Vit(12, 768, 12, 16, side))
    vision(chosen, build, batch, side, lambda model: adam(model, chosen))


def layers_of(sizes):
    pairs = zip(sizes, sizes[1:])
    return nn.Sequential(*[layer for a, b in pairs for layer in (nn.Linear(a, b), nn.ReLU())][:-1])


def dlrm(chosen):
    """26 categorical features of 400,000 rows each, 13 dense ones, pairwise products, two small networks."""
    needs(chosen, 6)
    tables, rows, width, batch = (4, 100, 8, 32) if chosen.tiny else (26, 400_000, 64, 16384)
    table = on_device(lambda: nn.Embedding(tables * rows, width, sparse=True), chosen)
    with torch.no_grad():
        table.weight.mul_(0.1)
    pairs = tables * (tables + 1) // 2
    bottom = on_device(lambda: layers_of((13, 512, 256, width)), chosen)
    top = on_device(lambda: layers_of((pairs + width, 1024, 512, 1)), chosen)
    dense = torch.optim.Adagrad([*bottom.parameters(), *top.parameters()], 0.01)
    sparse = torch.optim.SGD(table.parameters(), 0.1)
    shift = torch.arange(tables, device=chosen.device) * rows
    host = [[pinned(torch.randint(rows, (batch, tables)), chosen), pinned(torch.randn(batch, 13), chosen),
             pinned(torch.rand(batch).round(), chosen)] for _ in range(4)]
    data = cycle(host, lambda row: [part.to(chosen.device, non_blocking=True) for part in row])
    upper = torch.triu_indices(tables + 1, tables + 1, 1, device=chosen.device)

    def step():
        ids, numbers, clicked = next(data)
        low = bottom(numbers)
        everything = torch.cat((low[:, None], table(ids + shift)), 1)
        products = torch.bmm(everything, everything.transpose(1, 2))[:, upper[0], upper[1]]
        score = top(torch.cat((low, products), 1)).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(score, clicked)
        loss.backward()
        for optimizer in (dense, sparse):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    train(chosen, 'sample', step, batch, 4)


class Adapted(nn.Module):
    """A frozen linear layer with a trained low-rank addition."""

    def __init__(self, frozen, rank):
        super().__init__()
        self.frozen = frozen
        device = frozen.weight.device
        self.a = nn.Parameter(torch.randn(rank, frozen.in_features, device=device) * 0.01)
        self.b = nn.Parameter(torch.zeros(frozen.out_features, rank, device=device))

    def forward(self, x):
        return self.frozen(x) + F.linear(F.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype))


def adapt(model, rank=16):
    model.requires_grad_(False)
    for block in model.blocks:
        block.qkv, block.out = Adapted(block.qkv, rank), Adapted(block.out, rank)
    return model


def lora(chosen):
    batch = 2 if chosen.tiny else fitting(chosen, [(4, 20), (2, 14)])
    layers, width, heads, words, length = (2, 64, 2, 500, 32) if chosen.tiny else (24, 2560, 20, 32768, 1024)
    model = adapt(on_device(lambda: Transformer(layers, width, heads, words, length), chosen, torch.bfloat16))
    optimizer = adam(model, chosen, 1e-3)
    data = token_batches(chosen, words, batch, length, 2)

    def step():
        loss = loss_of(model, next(data))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    train(chosen, 'token', step, batch * length)


def mlp(chosen):
    """A small fp32 network fed by one host thread: the device waits for data most of the time. The digit to learn is
    where a picture is brightest."""
    batch = 256
    model = on_device(lambda: layers_of((784, 512, 512, 10)), chosen)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    torch.set_num_threads(1)

    def step():
        x = torch.randn(batch, 784)
        x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
        digit = x[:, :780].view(batch, 10, 78).mean(2).argmax(1)
        loss = F.cross_entropy(model(x.to(chosen.device)), digit.to(chosen.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    train(chosen, 'sample', step, batch, 20)


def rl(chosen):
    """Rollouts, sampled with a key-value cache, for about 3 s; policy updates on them for about 2 s; and again. The
    reward is the share of tokens in the lower half of the vocabulary."""
    batch = 8 if chosen.tiny else fitting(chosen, [(64, 24), (32, 14)])
    layers, width, heads, words, length = (2, 64, 2, 500, 16) if chosen.tiny else (12, 768, 12, 32768, 256)
    model = on_device(lambda: Transformer(layers, width, heads, words, length), chosen)
    optimizer = adam(model, chosen, 1e-3 if chosen.tiny else 1e-4)
    cache = model.new_cache(batch, chosen.device, torch.bfloat16)
    rollouts, updates = (0.2, 0.2) if chosen.tiny else (3.0, 2.0)
    start = length // 8

    def rollout():
        tokens = torch.randint(words, (batch, start), device=chosen.device)
        with torch.no_grad(), autocast(chosen):
            rows, scores = [tokens], model.prefill(tokens, cache)
            for place in range(start, length):
                rows.append(torch.multinomial(torch.softmax(scores.float(), -1), 1))
                if place < length - 1:
                    scores = model.step(rows[-1], cache, torch.full((batch,), place, device=chosen.device))
        return torch.cat(rows, 1)

    def reward_of(tokens):
        return (tokens[:, start:] < words // 2).float().mean(1)

    def update(tokens):
        with autocast(chosen):
            logits = model(tokens[:, :-1])
        chance = torch.log_softmax(logits.float(), -1).gather(-1, tokens[:, 1:, None]).squeeze(-1)[:, start - 1:]
        reward = reward_of(tokens)
        gain = (reward - reward.mean()) / (reward.std() + 1e-4)
        loss = -(chance.mean(1) * gain).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    first = rollout()
    update(first)
    loop = Loop(chosen, 'token')
    made = [first]
    loop.facts = {'rewardFirst': round(reward_of(first).mean().item(), 4),
                  'rewardLast': lambda: round(reward_of(torch.cat(made)).mean().item(), 4)}
    while loop.more():
        say('phase', name='rollout')
        until, made = time.monotonic() + rollouts, []
        while not made or time.monotonic() < until:
            made.append(rollout())
            synchronize(chosen)
            loop.count += made[-1].numel()
        say('phase', name='update')
        until, n = time.monotonic() + updates, 0
        while time.monotonic() < until:
            update(made[n % len(made)])
            synchronize(chosen)
            n += 1


WORKLOADS = {
    'gpt': gpt,
    'gpt-compile': lambda chosen: gpt(chosen, compiled=True),
    'gpt-accum': lambda chosen: gpt(chosen, accumulate=16),
    'gpt-paced': lambda chosen: gpt(chosen, between=pacing),
    'gpt-checkpoint': lambda chosen: gpt(chosen, between=checkpointing),
    'resnet50': resnet, 'vit': vit, 'dlrm': dlrm, 'lora': lora, 'mlp': mlp, 'rl': rl,
}

if __name__ == '__main__':
    main(WORKLOADS)
