"""What every PyTorch workload shares: its options, the lines it prints, the timed loop, refusals, the profiler window.

Lines on stdout, one JSON object each: "imported" (with --wait; then a line on stdin lets it touch the device), "ready"
once warm, "phase" when it changes what it does, "launches" with --profile, "done" with its throughput, or "refused" with
a reason where this machine cannot run it (exit code 4)."""
import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time

REFUSED = 4


def say(event, **more):
    print(json.dumps({'event': event, 't': round(time.time(), 3), **more}), flush=True)


def refuse(reason):
    """This machine cannot run it: not a failure, and no reason to try again."""
    say('refused', reason=reason)
    sys.exit(REFUSED)


# Programs import this module before torch, so that a machine without it is refused and not a failure.
try:
    import torch
except (ImportError, OSError) as missing:
    refuse(f'no PyTorch: {str(missing)[:200]}')


def options(names):
    parser = argparse.ArgumentParser()
    parser.add_argument('name', choices=sorted(names))
    parser.add_argument('--seconds', type=float, default=25)
    parser.add_argument('--wait', action='store_true', help='import, say so, and wait for a line on stdin')
    parser.add_argument('--profile', action='store_true', help='trace 1.5 s of kernels after warm-up, print them, end')
    parser.add_argument('--device', default='cuda', choices=['cuda', 'cpu'])
    parser.add_argument('--tiny', action='store_true', help='toy sizes, for a check without a GPU')
    parser.add_argument('--library', help='shared library with campaign_main, to run inside this process')
    parser.add_argument('--beside', default='', help='options for the library, in one argument')
    parser.add_argument('--seed', type=int, default=0)
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    random.seed(chosen.seed)
    if chosen.wait:
        say('imported')
        if not sys.stdin.readline():
            sys.exit('whoever started this is gone')
    return chosen


def main(workloads):
    chosen = options(workloads)
    try:
        if chosen.device == 'cuda':
            if not torch.cuda.is_available():
                refuse('no CUDA device')
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.zeros(1, device='cuda')
        workloads[chosen.name](chosen)
    except torch.OutOfMemoryError as error:
        refuse(f'out of device memory: {str(error)[:200]}')


def synchronize(chosen):
    if chosen.device == 'cuda':
        torch.cuda.synchronize()


def pinned(tensor, chosen):
    return tensor.pin_memory() if chosen.device == 'cuda' else tensor


def free_gigabytes(chosen):
    """10^9 bytes that are free on the device now."""
    return torch.cuda.mem_get_info()[0] / 1e9 if chosen.device == 'cuda' else float('inf')


def needs(chosen, gigabytes):
    free = free_gigabytes(chosen)
    if not chosen.tiny and free < gigabytes:
        refuse(f'needs {gigabytes:g} GB of device memory, {free:.1f} GB are free')


def fitting(chosen, sizes):
    """The first of `sizes`, pairs of (value, GB it needs), that fits; on a smaller device it says which it took."""
    free = free_gigabytes(chosen)
    for n, (value, gigabytes) in enumerate(sizes):
        if gigabytes <= free:
            if n:
                say('sized', value=value, freeGb=round(free, 1))
            return value
    return refuse(f'needs {sizes[-1][1]:g} GB of device memory, {free:.1f} GB are free')


def needs_capability(chosen, major, minor, what):
    if chosen.device == 'cuda' and torch.cuda.get_device_capability() < (major, minor):
        refuse(f'{what} needs compute capability {major}.{minor}')


class Loop:
    """`while loop.more():` runs the body for --seconds after `ready`, or for one profiler window with --profile.

    What is put into `loop.facts` is printed with `done`; a value may be a function, called once at the end."""

    def __init__(self, chosen, unit):
        self.chosen, self.unit = chosen, unit
        self.count = 0.0
        self.facts = {}
        self.began = None
        self.profiler = None
        self.told = False
        self.finished = False
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_):
        self.told = True

    def start(self):
        synchronize(self.chosen)
        if self.chosen.profile:
            activity = torch.profiler.ProfilerActivity
            self.profiler = torch.profiler.profile(
                activities=[activity.CUDA if self.chosen.device == 'cuda' else activity.CPU])
            self.profiler.__enter__()
        self.began = time.monotonic()
        say('ready')

    def elapsed(self):
        return time.monotonic() - self.began

    def more(self):
        if self.finished:
            return False
        if self.began is None:
            self.start()
            return True
        if not self.told and self.elapsed() < (1.5 if self.profiler else self.chosen.seconds):
            return True
        self.finish()
        return False

    def finish(self):
        self.finished = True
        synchronize(self.chosen)
        took = self.elapsed()
        if self.profiler:
            self.profiler.__exit__(None, None, None)
            say('launches', windowSeconds=round(took, 3), list=reduce_trace(self.profiler))
        more = {name: fact() if callable(fact) else fact for name, fact in self.facts.items()}
        if self.chosen.device == 'cuda':
            more['peakBytes'] = torch.cuda.max_memory_allocated()
        say('done', throughput=float(f'{self.count / took:.5g}'), unit=self.unit + '/s', **more)


def reduce_trace(profiler):
    """Kernels of the window: one row a (name, grid, block), with how often and how long."""
    handle, path = tempfile.mkstemp(suffix='.json')
    os.close(handle)
    try:
        profiler.export_chrome_trace(path)
        with open(path, encoding='utf-8') as file:
            events = json.load(file).get('traceEvents', [])
    except (OSError, ValueError, RuntimeError) as error:
        return [{'name': f'trace failed: {error}'[:120], 'count': 0}]
    finally:
        os.unlink(path)
    rows = {}
    for event in events:
        if event.get('cat') not in ('kernel', 'gpu_memcpy', 'gpu_memset'):
            continue
        info = event.get('args', {})
        key = (event['name'][:160], tuple(info.get('grid', ())), tuple(info.get('block', ())))
        row = rows.setdefault(key, [0, 0.0])
        row[0] += 1
        row[1] += event.get('dur', 0)
    ordered = sorted(rows.items(), key=lambda item: -item[1][1])
    return [{'name': name, 'grid': list(grid), 'block': list(block), 'count': n, 'durationSeconds': round(us / 1e6, 6)}
            for (name, grid, block), (n, us) in ordered[:200]]
