/**
 * A map in the order of its keys' last change, which forgets the oldest beyond a bound: what an
 * attacker can name without end must not fill memory.
 */
export function setNewest<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  dropOldest(map, max);
}

/** Forgets the entry that was set first, where there are more than `max`. */
export function dropOldest<K>(of: Map<K, unknown> | Set<K>, max: number): void {
  if (of.size <= max) return;
  for (const oldest of of.keys()) {
    of.delete(oldest);
    return;
  }
}
