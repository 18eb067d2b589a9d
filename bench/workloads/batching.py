"""A server of language-model answers with continuous batching: each request has a slot of the key-value cache and its
own place in it; requests join and leave between two steps."""
import random
import time

from common import pinned, say, synchronize

import torch


class Server:
    def __init__(self, chosen, model, slots, dtype):
        self.chosen, self.model, self.slots = chosen, model, slots
        self.cache = model.new_cache(slots, chosen.device, dtype)
        self.sizes = [n for n in (8, 16, 32, 64) if n <= slots]
        self.tokens = torch.zeros((slots, 1), dtype=torch.long, device=chosen.device)
        self.at = torch.zeros(slots, dtype=torch.long, device=chosen.device)
        self.left = [0] * slots  # tokens that each slot still has to make
        self.prompted = 0

    def free(self):
        return [slot for slot, left in enumerate(self.left) if left == 0]

    def busy(self):
        return sum(left > 0 for left in self.left)

    def admit(self, count):
        """Takes up to `count` requests into the lowest free slots, eight prompts at a time; how many it took."""
        free = self.free()[:count]
        for start in range(0, len(free), 8):
            slots = free[start:start + 8]
            longest = self.model.longest
            length = longest // 8 * random.randint(1, 3)
            prompts = pinned(torch.randint(self.model.words, (len(slots), length)), self.chosen)
            rows = torch.tensor(slots, device=self.chosen.device)
            scores = self.model.prefill(prompts.to(self.chosen.device, non_blocking=True), self.cache, rows)
            self.tokens[rows] = scores.argmax(-1, keepdim=True)
            self.at[rows] = length
            self.prompted += len(slots) * length
            for slot in slots:
                self.left[slot] = random.randint(8, longest // 2)
        return len(free)

    def step(self):
        """One token for every busy slot; the batch is rounded up to one of a few sizes. How many tokens it made."""
        highest = max(slot for slot, left in enumerate(self.left) if left)
        rows = next(size for size in self.sizes if size > highest)
        scores = self.model.step(self.tokens[:rows], self.cache, self.at[:rows])
        self.tokens[:rows] = scores.argmax(-1, keepdim=True)
        self.at[:rows] = (self.at[:rows] + 1).clamp(max=self.model.longest - 1)
        made = self.busy()
        self.left = [max(0, left - 1) for left in self.left]
        return made


class Arrivals:
    """Poisson arrivals whose rate changes every few seconds, with quiet spells."""

    def __init__(self, rates=(0.0, 4.0, 15.0, 40.0), shortest=1.0, longest=4.0):
        self.rates, self.shortest, self.longest = rates, shortest, longest
        self.spell_ends = 0.0
        self.next = float('inf')

    def due(self, now):
        if now > self.spell_ends:
            rate = random.choice(self.rates)
            self.rate = rate
            self.spell_ends = now + random.uniform(self.shortest, self.longest)
            self.next = now + random.expovariate(rate) if rate else float('inf')
            say('phase', name=f'rate {rate:g}/s')
        count = 0
        while self.next <= now:
            count += 1
            self.next += random.expovariate(self.rate)
        return count


def serve(server, loop, arrivals=None):
    """With `arrivals`, sleeps when there is nothing to do; without, there is always another request waiting."""
    waiting = 0
    loop.facts['promptTokens'] = lambda: server.prompted
    while loop.more():
        if arrivals:
            waiting = min(waiting + arrivals.due(time.monotonic()), 256)
            waiting -= server.admit(waiting)
        elif len(server.free()) >= min(8, server.slots):
            server.admit(server.slots)
        if server.busy() == 0:
            time.sleep(0.005)
            continue
        loop.count += server.step()
        synchronize(server.chosen)  # tokens are handed out as they come
