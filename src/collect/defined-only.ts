/** Without the keys whose value is undefined: not measured is absent. */
export function definedOnly<T extends object>(values: T): T {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // Only keys whose value may be undefined, hence optional ones, are left out.
  return Object.fromEntries(entries) as T;
}
