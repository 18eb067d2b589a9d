/** Values of a shader's `const NAME = <number>u;` lines: tile shapes, workgroup sizes. */
export type Variant = Readonly<Record<string, number>>;

/** A shader's text with a variant's values in it, and that variant. */
export interface Build {
  code: string;
  variant: Variant;
}

/**
 * The shader with each of the variant's constants set. Constants and not pipeline overrides: the
 * sizes of private arrays, and so registers, depend on them.
 * @throws RangeError where the shader declares no such constant exactly once: a defect of ours
 */
export function buildOf(code: string, variant: Variant): Build {
  let specialised = code;
  for (const [name, value] of Object.entries(variant)) {
    const declaration = new RegExp(`^const ${name} = \\d+u;`, "gm");
    const found = specialised.match(declaration)?.length ?? 0;
    if (found !== 1 || !Number.isInteger(value) || value < 0)
      throw new RangeError(`cannot set ${name} to ${value}: declared ${found} times`);
    specialised = specialised.replace(declaration, `const ${name} = ${value}u;`);
  }
  return { code: specialised, variant };
}
