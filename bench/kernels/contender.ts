/** Two square f32 matrices, row-major. */
export interface SquareProduct {
  side: number;
  a: Float32Array;
  b: Float32Array;
}

/** One library with the matrices on the device, ready to multiply them. */
export interface Prepared {
  /** Multiplies `count` times; resolves when the device has finished. */
  run(count: number): Promise<void>;
  /** The product, row-major. */
  read(): Promise<ArrayLike<number>>;
  dispose(): Promise<void>;
}

export interface Contender {
  name: string;
  version: string;
  prepare(product: SquareProduct): Promise<Prepared>;
}
