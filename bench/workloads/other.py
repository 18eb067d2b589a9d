#!/usr/bin/env python3
"""other and idle workloads, and the matrix-multiply kind of mining: work through PyTorch that is no model at all."""
import time

from common import Loop, fitting, main, needs, needs_capability, pinned, synchronize

import torch


def drive(chosen, unit, step, per_step, every=4, pause=0.0):
    for _ in range(3):
        step()
    loop = Loop(chosen, unit)
    n = 0
    while loop.more():
        step()
        loop.count += per_step
        n += 1
        if n % every == 0:
            synchronize(chosen)
            if pause:
                time.sleep(pause)


def fp64_gemm(chosen):
    needs(chosen, 3)
    n = 128 if chosen.tiny else 8192
    a, b = (torch.randn(n, n, device=chosen.device, dtype=torch.float64) for _ in range(2))
    out = torch.empty_like(a)
    drive(chosen, 'flop', lambda: torch.mm(a, b, out=out), 2 * n ** 3)


def fp64_solve(chosen):
    """Conjugate gradients on a dense system, with the occasional factorisation."""
    needs(chosen, 5)
    n = 128 if chosen.tiny else 12288
    a = torch.randn(n, n, device=chosen.device, dtype=torch.float64)
    a = a @ a.T / n + torch.eye(n, device=chosen.device, dtype=torch.float64)
    b = torch.randn(n, device=chosen.device, dtype=torch.float64)
    state = {}

    def step():
        x = torch.zeros_like(b)
        r = b.clone()
        p, old = r.clone(), r @ r
        for _ in range(100):
            ap = a @ p
            alpha = old / (p @ ap)
            x += alpha * p
            r -= alpha * ap
            new = r @ r
            p = r + (new / old) * p
            old = new
        if state.setdefault('n', 0) % 5 == 0:
            torch.linalg.cholesky(a)
        state['n'] += 1

    drive(chosen, 'solve', step, 1, every=1)


def fft(chosen):
    n = 16 if chosen.tiny else fitting(chosen, [(512, 8), (384, 4)])
    x = torch.randn(n, n, n, device=chosen.device, dtype=torch.complex64)
    drive(chosen, 'transform', lambda: torch.fft.ifftn(torch.fft.fftn(x)), 2)


def sort(chosen):
    n = 1 << (12 if chosen.tiny else fitting(chosen, [(28, 16), (26, 5)]))
    x = torch.randint(-2 ** 62, 2 ** 62, (n,), device=chosen.device)
    drive(chosen, 'key', lambda: torch.sort(x), n, every=1)


def copy_device(chosen):
    n = 1 << (20 if chosen.tiny else fitting(chosen, [(32, 9), (30, 3)]))
    a, b = torch.ones(n, device=chosen.device, dtype=torch.uint8), torch.empty(n, device=chosen.device, dtype=torch.uint8)
    drive(chosen, 'byte', lambda: b.copy_(a), n)


def copy_host(chosen):
    needs(chosen, 2)
    n = (1 << 20) if chosen.tiny else (1 << 30)
    host = pinned(torch.ones(n, dtype=torch.uint8), chosen)
    device = torch.empty(n, device=chosen.device, dtype=torch.uint8)

    def step():
        device.copy_(host, non_blocking=True)
        host.copy_(device, non_blocking=True)

    drive(chosen, 'byte', step, 2 * n, every=2)


def burn_in(chosen):
    """A stress test: one bf16 matrix product of one size, for ever."""
    needs(chosen, 2)
    n = 128 if chosen.tiny else 8192
    a, b = (torch.randn(n, n, device=chosen.device, dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(a)
    drive(chosen, 'flop', lambda: torch.mm(a, b, out=out), 2 * n ** 3, every=16)


def hold(chosen):
    """60 GB allocated, nothing computed."""
    needs(chosen, 61)
    held = torch.empty((1 << 20) if chosen.tiny else 60_000_000_000, device=chosen.device, dtype=torch.uint8)
    held[:1024].zero_()
    loop = Loop(chosen, 'none')
    while loop.more():
        time.sleep(0.1)


def fold(product):
    """Folds a 32-bit product into one word a row, as a hash of the result would."""
    mixed = (product ^ (product >> 15)) * 0x2C1B3C6D
    mixed = mixed ^ (mixed >> 12)
    return (mixed.sum(1, dtype=torch.int32) == 0).sum()


def matmul_pow_int8(chosen):
    """Matrix-multiply proof of work: noise added to two int8 matrices, multiplied on the tensor cores, result hashed."""
    needs(chosen, 4)
    needs_capability(chosen, 7, 5, 'int8')
    n = 128 if chosen.tiny else 8192
    a, b = (torch.randint(-64, 64, (n, 4 * n), device=chosen.device, dtype=torch.int8) for _ in range(2))
    hits = torch.zeros((), device=chosen.device, dtype=torch.int64)

    def step():
        noise = torch.randint(-32, 32, (n, 1), device=chosen.device, dtype=torch.int8)
        hits.add_(fold(torch._int_mm(a + noise, b.t())))

    drive(chosen, 'product', step, 1, every=8)


def matmul_pow_fp8(chosen):
    """The same with 8-bit floats."""
    needs(chosen, 6)
    needs_capability(chosen, 8, 9, 'fp8')
    n = 128 if chosen.tiny else 8192
    kind = torch.float8_e4m3fn
    a, b = (torch.randn(n, 4 * n, device=chosen.device).to(kind) for _ in range(2))
    one = torch.ones((), device=chosen.device)
    hits = torch.zeros((), device=chosen.device, dtype=torch.int64)

    def step():
        noise = torch.randint(256, (n, 1), device=chosen.device, dtype=torch.uint8) & 0x81  # sign and last bit
        product = torch._scaled_mm((a.view(torch.uint8) ^ noise).view(kind), b.t(), one, one, out_dtype=torch.bfloat16)
        hits.add_(fold(product.view(torch.int32)))

    drive(chosen, 'product', step, 1, every=8)


WORKLOADS = {
    'fp64-gemm': fp64_gemm, 'fp64-solve': fp64_solve, 'fft': fft, 'sort': sort, 'copy-device': copy_device,
    'copy-host': copy_host, 'burn-in': burn_in, 'hold-60gb': hold,
    'matmul-pow-int8': matmul_pow_int8, 'matmul-pow-fp8': matmul_pow_fp8,
}

if __name__ == '__main__':
    with torch.no_grad():
        main(WORKLOADS)
