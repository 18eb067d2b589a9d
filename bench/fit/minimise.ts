/** L-BFGS: finds the lowest point of a smooth, strongly convex function, the same way every time. */

export interface Minimisable {
  /** @param gradient is overwritten */
  evaluate(at: Float64Array, gradient: Float64Array): number;
  curvature(): Float64Array;
}

/** Steps that the curvature is remembered from. */
const MEMORY = 10;
const MAX_STEPS = 1000;
const MAX_HALVINGS = 40;
/** Part of the promised descent that a step must bring. */
const ARMIJO = 1e-4;

interface Memory {
  step: Float64Array;
  change: Float64Array;
  /** One over their product. */
  rho: number;
}

/**
 * @param tolerance largest entry that the gradient may have at the end
 * @throws RangeError where it does not get there: the function is not what it should be
 */
export function minimise(
  objective: Minimisable,
  start: Float64Array,
  tolerance: number,
): Float64Array {
  const scale = objective.curvature();
  let at: Float64Array = Float64Array.from(start);
  let gradient: Float64Array = new Float64Array(start.length);
  let value = objective.evaluate(at, gradient);
  const memory: Memory[] = [];
  for (let count = 0; count < MAX_STEPS; count += 1) {
    if (largest(gradient) <= tolerance) return at;
    const direction = descent(gradient, memory, scale);
    const found = lineSearch(objective, at, value, gradient, direction);
    // At the end of what doubles can tell apart, no step is lower.
    if (!found) return requireNear(at, gradient, tolerance);
    const step = difference(found.at, at);
    const change = difference(found.gradient, gradient);
    const product = dot(step, change);
    if (product > 0) memory.push({ step, change, rho: 1 / product });
    if (memory.length > MEMORY) memory.shift();
    [at, gradient, value] = [found.at, found.gradient, found.value];
  }
  throw new RangeError(`the fit did not converge in ${MAX_STEPS} steps`);
}

/** What a line search may leave over when the values no longer differ. */
const ROUNDING_SLACK = 1000;

function requireNear(at: Float64Array, gradient: Float64Array, tolerance: number): Float64Array {
  const left = largest(gradient);
  if (left <= ROUNDING_SLACK * tolerance) return at;
  throw new RangeError(`the fit did not converge: a slope of ${left} is left and no step is lower`);
}

/** The two loops of L-BFGS. */
function descent(
  gradient: Float64Array,
  memory: readonly Memory[],
  scale: Float64Array,
): Float64Array {
  const direction = gradient.map((entry) => -entry);
  const alphas: number[] = [];
  for (const { step, change, rho } of memory.toReversed()) {
    const alpha = rho * dot(step, direction);
    alphas.push(alpha);
    addScaled(direction, change, -alpha);
  }
  for (const [i, entry] of direction.entries()) direction[i] = entry / (scale[i] ?? 1);
  for (const { step, change, rho } of memory) {
    const beta = rho * dot(change, direction);
    addScaled(direction, step, (alphas.pop() ?? 0) - beta);
  }
  return direction;
}

function lineSearch(
  objective: Minimisable,
  at: Float64Array,
  value: number,
  gradient: Float64Array,
  direction: Float64Array,
): { at: Float64Array; gradient: Float64Array; value: number } | undefined {
  const slope = dot(gradient, direction);
  if (slope >= 0) return undefined;
  const next = new Float64Array(at.length);
  const nextGradient = new Float64Array(at.length);
  let size = 1;
  for (let halving = 0; halving < MAX_HALVINGS; halving += 1) {
    next.set(at);
    addScaled(next, direction, size);
    const reached = objective.evaluate(next, nextGradient);
    if (reached <= value + ARMIJO * size * slope)
      return { at: next, gradient: nextGradient, value: reached };
    size /= 2;
  }
  return undefined;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function addScaled(to: Float64Array, from: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i += 1) to[i] = (to[i] ?? 0) + factor * (from[i] ?? 0);
}

const difference = (a: Float64Array, b: Float64Array): Float64Array =>
  a.map((entry, i) => entry - (b[i] ?? 0));

const largest = (values: Float64Array): number =>
  values.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
