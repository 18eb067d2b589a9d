#!/usr/bin/env python3
"""inference-like workloads: random weights, random requests, no gradients."""
import ctypes
import math
import random
import sys
import threading
import time

from common import Loop, fitting, main, needs, needs_capability, pinned, synchronize
from batching import Arrivals, Server, serve
from models import ResNet, Transformer, Unet, on_device, quantise

import torch

HALF = torch.bfloat16


def language_model(chosen, layers, width, heads, longest):
    if chosen.tiny:
        layers, width, heads, longest = 2, 64, 2, 64
    words = 500 if chosen.tiny else 32768
    model = on_device(lambda: Transformer(layers, width, heads, words, longest), chosen, HALF)
    model.cos, model.sin = model.cos.to(HALF), model.sin.to(HALF)
    return model.eval().requires_grad_(False)


def prompts(chosen, model, batch, length):
    return pinned(torch.randint(model.words, (batch, length)), chosen).to(chosen.device, non_blocking=True)


def captured(chosen, model, cache, batch):
    """One decoding step as a graph: (replay, tokens, places), both read and moved on by each replay."""
    tokens = torch.zeros((batch, 1), dtype=torch.long, device=chosen.device)
    at = torch.zeros(batch, dtype=torch.long, device=chosen.device)

    def step():
        tokens.copy_(model.step(tokens, cache, at).argmax(-1, keepdim=True))
        at.add_(1)

    if chosen.device != 'cuda':
        return step, tokens, at
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay, tokens, at


def decode(chosen, batch=1, layers=32, width=4096, heads=32, graphs=False, beside=None):
    """Whole answers one after the other: a prompt, then one token at a time for every row."""
    model = language_model(chosen, layers, width, heads, 2048)
    longest = model.longest
    start = longest // 4
    cache = model.new_cache(batch, chosen.device, HALF)
    replay, tokens, at = captured(chosen, model, cache, batch) if graphs else (None, None, None)

    def answer():
        """Yields after each token."""
        new = model.prefill(prompts(chosen, model, batch, start), cache).argmax(-1, keepdim=True)
        if graphs:
            tokens.copy_(new)
            at.fill_(start)
        place = torch.full((batch,), start, device=chosen.device)
        for _ in range(start, longest):
            if graphs:
                replay()
            else:
                new = model.step(new, cache, place).argmax(-1, keepdim=True)
                place += 1
            yield

    warm = answer()
    for _ in range(3):
        next(warm)
    synchronize(chosen)
    stop = beside(chosen) if beside else None
    loop = Loop(chosen, 'token')
    while loop.more():
        for n, _ in enumerate(answer()):
            loop.count += batch
            if n % 8 == 0:
                synchronize(chosen)  # a server hands tokens out as they come
                if not loop.more():
                    break
    if stop:
        stop()


def miner_beside(chosen):
    """Starts the loop of the shared library in a thread of this very process; returns what stops it. A library that
    did no work makes the whole workload fail: its truth would be wrong."""
    if not chosen.library:
        if chosen.device == 'cuda':
            sys.exit('--library is needed: without it the truth would be wrong')
        return None
    library = ctypes.CDLL(chosen.library)
    library.campaign_launches.restype = ctypes.c_ulonglong
    words = ['beside', '--quiet', '--seconds', str(chosen.seconds + 600), '--launch-ms', '1', *chosen.beside.split()]
    array = (ctypes.c_char_p * (len(words) + 1))(*[word.encode() for word in words], None)
    thread = threading.Thread(target=library.campaign_main, args=(len(words), array), daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while library.campaign_launches() == 0 and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.05)
    if library.campaign_launches() == 0:
        sys.exit('the library did no work')

    def stop():
        library.campaign_stop()
        thread.join(30)
    return stop


def continuous(chosen, steady=False):
    """Up to 64 answers at once: in Poisson bursts with quiet spells, or with always more requests than it can take."""
    slots = 64 if chosen.tiny else fitting(chosen, [(64, 36), (32, 22), (16, 14)])
    server = Server(chosen, language_model(chosen, 28, 3072, 24, 1024), slots, HALF)
    server.admit(slots)
    for _ in range(4):
        server.step()
    server.left = [0] * slots
    for size in server.sizes:  # each batch size once, so that no kernel is loaded during the measured time
        server.left[size - 1] = 1
        server.step()
    serve(server, Loop(chosen, 'token'), None if steady else Arrivals())


def prefill(chosen, kind=None, steady=False):
    """Long prompts, short answers: summarising and classifying. `kind` quantises the linear layers."""
    if kind is not None and kind != torch.int8:
        needs_capability(chosen, 8, 9, 'fp8')
    needs(chosen, 12)
    model = language_model(chosen, 28, 3072, 24, 2048)
    if kind is not None:
        quantise(model, kind)
    batch, longest = 4, model.longest - 8
    cache = model.new_cache(batch, chosen.device, HALF)

    def answer():
        length = random.randint(longest // 2, longest)
        scores = model.prefill(prompts(chosen, model, batch, length), cache)
        for i in range(4):
            scores = model.step(scores.argmax(-1, keepdim=True), cache, torch.full((batch,), length + i, device=chosen.device))
        synchronize(chosen)
        return batch * (length + 4)

    for _ in range(3):
        answer()
    loop = Loop(chosen, 'token')
    while loop.more():
        loop.count += answer()
        if not steady:
            time.sleep(min(random.expovariate(1 / 0.02), 0.2))


def diffusion(chosen):
    """20 denoising steps with guidance, a picture, a short wait for the next request."""
    needs(chosen, 6)
    width, side, batch = (32, 16, 1) if chosen.tiny else (320, 64, 4)
    model = on_device(lambda: Unet(width), chosen, HALF).eval().requires_grad_(False)

    def picture():
        x = torch.randn(batch, 4, side, side, device=chosen.device, dtype=HALF)
        context = torch.randn(2 * batch, 77, 768, device=chosen.device, dtype=HALF)
        for i in range(2 if chosen.tiny else 20):
            t = torch.full((2 * batch,), float(1000 - 50 * i), device=chosen.device)
            noise, free = model(torch.cat((x, x)), t, context).chunk(2)
            x = x - 0.05 * (free + 7.5 * (noise - free))
        return model.picture(x).float().clamp(-1, 1).to('cpu')

    picture()
    loop = Loop(chosen, 'picture')
    while loop.more():
        picture()
        loop.count += batch
        time.sleep(random.uniform(0.05, 0.4))


def cnn(chosen):
    """Pictures come from the host at a rate that swings between a few and a few thousand a second."""
    needs(chosen, 3)
    side = 64 if chosen.tiny else 224
    if chosen.device == 'cuda':
        torch.backends.cudnn.benchmark = True
    model = on_device(lambda: ResNet((1, 1, 1, 1) if chosen.tiny else (3, 4, 6, 3)), chosen, HALF)
    model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    sizes = (1, 8, 32, 64)
    host = {n: pinned(torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8)
                      .contiguous(memory_format=torch.channels_last), chosen) for n in sizes}

    def answer(n):
        x = host[n].to(chosen.device, non_blocking=True).to(HALF).div_(127.5).sub_(1)
        return model(x).argmax(1).to('cpu')

    for n in sizes * 2:
        answer(n)
    loop = Loop(chosen, 'image')
    waiting, before = 0.0, time.monotonic()
    while loop.more():
        now = time.monotonic()
        rate = 1500 * (1 + math.sin(2 * math.pi * loop.elapsed() / 12)) ** 2 / 2 + 20
        waiting = min(waiting + (now - before) * rate * random.uniform(0.5, 1.5), 256)
        before = now
        if waiting < 1:
            time.sleep(0.002)
            continue
        n = max(size for size in sizes if size <= waiting)
        answer(n)
        waiting -= n
        loop.count += n


def embedding(chosen, batch=256, pause=0.0):
    """Documents in large batches at full load, as an indexing job does; with a pause, as they come in."""
    needs(chosen, 5)
    layers, width, heads, words, length = (2, 64, 2, 500, 32) if chosen.tiny else (24, 1024, 16, 32768, 256)
    batch = 2 if chosen.tiny else batch
    model = on_device(lambda: Transformer(layers, width, heads, words, length, causal=False), chosen, HALF)
    model.cos, model.sin = model.cos.to(HALF), model.sin.to(HALF)
    model = model.eval().requires_grad_(False)
    host = [pinned(torch.randint(words, (batch, length)), chosen) for _ in range(4)]
    out = pinned(torch.empty(batch, width), chosen)

    def run(n):
        vectors = model(host[n % 4].to(chosen.device, non_blocking=True), only_features=True).mean(1)
        out.copy_(torch.nn.functional.normalize(vectors.float(), dim=1), non_blocking=True)

    for n in range(4):
        run(n)
    loop = Loop(chosen, 'document')
    n = 0
    while loop.more():
        run(n)
        n += 1
        loop.count += batch
        if n % 4 == 0 or pause:
            synchronize(chosen)
        if pause:
            time.sleep(min(random.expovariate(1 / pause), 1.0))


def loaded_idle(chosen):
    """A server with its model loaded and warm, and no request: the truth is idle."""
    needs(chosen, 8)
    model = language_model(chosen, 28, 3072, 24, 1024)
    model.prefill(prompts(chosen, model, 1, 8), model.new_cache(1, chosen.device, HALF))
    loop = Loop(chosen, 'none')
    while loop.more():
        time.sleep(0.1)


def in_batches(chosen, batches, needed, **more):
    """decode with the largest batch that fits: each row holds 0.7 GB of cache."""
    batch = batches[0] if chosen.tiny else fitting(chosen, list(zip(batches, needed)))
    decode(chosen, batch, 28, 3072, 24, **more)


def single(chosen):
    needs(chosen, 16)
    decode(chosen)


WORKLOADS = {
    'decode-b1': single,
    'decode-graphs': lambda chosen: in_batches(chosen, (32, 16, 8), (34, 21, 14), graphs=True),
    'decode-b64': continuous,
    'decode-steady': lambda chosen: continuous(chosen, steady=True),
    'decode-with-miner': lambda chosen: in_batches(chosen, (8, 4), (18, 14), beside=miner_beside),
    'prefill': prefill,
    'prefill-steady': lambda chosen: prefill(chosen, steady=True),
    'prefill-int8': lambda chosen: prefill(chosen, torch.int8),
    'prefill-fp8': lambda chosen: prefill(chosen, torch.float8_e4m3fn),
    'diffusion': diffusion, 'cnn': cnn, 'embedding': embedding,
    'embedding-paced': lambda chosen: embedding(chosen, 32, 0.1),
    'loaded-idle': loaded_idle,
}

if __name__ == '__main__':
    with torch.inference_mode():
        main(WORKLOADS)
