#!/usr/bin/env python3
"""Checks on the CPU that the models are what the workloads say: a cache gives the tokens that recomputing gives, slots
do not mix, quantised layers are near the plain ones, and training moves what it should. Prints one JSON object."""
import argparse
import json

import train
from batching import Server
from models import Transformer, quantise

import torch


class Toy:
    device, tiny = 'cpu', True


def model(seed=1, words=97, longest=48, sharp=True):
    """Small. Sharp: with weights so large that each token depends on every place before it."""
    torch.manual_seed(seed)
    made = Transformer(2, 64, 4, words, longest).eval()
    with torch.no_grad():
        for block in made.blocks if sharp else ():
            block.qkv.weight.mul_(3)
            block.out.weight.mul_(6)
    return made


def recomputed(made, tokens, count):
    for _ in range(count):
        tokens = torch.cat((tokens, made(tokens)[:, -1].argmax(-1, keepdim=True)), 1)
    return tokens


def cache_agrees(count=20):
    made = model()
    tokens = torch.randint(97, (3, 10))
    cache = made.new_cache(3, 'cpu', torch.float32)
    rows, new = [tokens], made.prefill(tokens, cache).argmax(-1, keepdim=True)
    for place in range(10, 10 + count):
        rows.append(new)
        new = made.step(new, cache, torch.full((3,), place)).argmax(-1, keepdim=True)
    return torch.equal(torch.cat(rows, 1), recomputed(made, tokens, count))


def cache_is_used():
    """A spoilt cache must change the answer, or the step does not read it."""
    made = model()
    tokens = torch.randint(97, (2, 10))
    cache = made.new_cache(2, 'cpu', torch.float32)
    new = made.prefill(tokens, cache).argmax(-1, keepdim=True)
    at = torch.full((2,), 10)
    before = made.step(new, cache, at)
    cache[0][1][:, :, 3] += 5
    return not torch.allclose(before, made.step(new, cache, at))


def slots_agree():
    """Requests of three lengths in slots of one server, joining at different times: each as if it were alone."""
    made = model()
    server = Server(Toy, made, 8, torch.float32)
    prompts = [torch.randint(97, (1, length)) for length in (5, 11, 8)]
    answers = {}
    for slot, prompt in enumerate(prompts):
        rows = torch.tensor([slot])
        server.tokens[rows] = made.prefill(prompt, server.cache, rows).argmax(-1, keepdim=True)
        server.at[rows] = prompt.shape[1]
        server.left[slot] = 40
        answers[slot] = [server.tokens[slot].clone()]
        for _ in range(4):
            server.step()
            for other in answers:
                answers[other].append(server.tokens[other].clone())
    varied = all(len({token.item() for token in made_tokens}) > 3 for made_tokens in answers.values())
    return varied and all(
        torch.equal(torch.cat((prompts[slot][0], torch.cat(made_tokens))),
                    recomputed(made, prompts[slot], len(made_tokens))[0])
        for slot, made_tokens in answers.items())


def quantised_error(kind):
    """Mean error of the scores, as a share of their spread."""
    made = model(sharp=False)
    tokens = torch.randint(97, (4, 16))
    plain = made(tokens)
    return ((quantise(made, kind)(tokens) - plain).abs().mean() / plain.std()).item()


def gradients():
    made = model().train()
    train.loss_of(made, torch.randint(97, (2, 16))).backward()
    return all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in made.parameters())


def lora_trains_adapters_only():
    made = train.adapt(model(), 4)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in made.parameters() if p.requires_grad], 0.01)
    tokens = torch.randint(97, (2, 16))
    for _ in range(3):
        train.loss_of(made, tokens).backward()
        optimizer.step()
        optimizer.zero_grad()
    changed = {name for name, value in made.state_dict().items() if not torch.equal(value, before[name])}
    return changed == {name for name in before if name.endswith(('.a', '.b'))}


if __name__ == '__main__':
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    trained = {'gradients': gradients(), 'loraTrainsAdaptersOnly': lora_trains_adapters_only()}
    with torch.inference_mode():
        print(json.dumps({
            **trained, 'cacheAgrees': cache_agrees(), 'cacheIsUsed': cache_is_used(), 'slotsAgree': slots_agree(),
            'int8Error': quantised_error(torch.int8), 'fp8Error': quantised_error(torch.float8_e4m3fn)}))
