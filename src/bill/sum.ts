export function sumOf<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((acc, item) => acc + amount(item), 0);
}
