import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Contender, Prepared, SquareProduct } from "./contender.ts";

const PEERS_URL = new URL("../peers/", import.meta.url);
const MATMUL_PEERS = ["tfjs.mjs", "jax.mjs", "onnx.mjs"];

/** Anything that can be called; what it answers is parsed where it is used. */
type Callable = (...args: unknown[]) => unknown;
const callable = z.custom<Callable>((value) => typeof value === "function");

const MatmulModule = z.object({ name: z.string(), packageName: z.string(), prepare: callable });
const PreparedPeer = z.object({ run: callable, read: callable, dispose: callable });
const numbers = z.custom<ArrayLike<number>>((value) => value instanceof Float32Array);
const Version = z.object({ version: z.string() });

const hasher = z.custom<(bytes: Uint8Array) => Uint8Array>((value) => typeof value === "function");
const Hashers = z.object({ sha256: hasher, keccak256: hasher, blake3: hasher });
export type Hashers = z.infer<typeof Hashers>;

/** The libraries that multiply matrices on WebGPU from Node; `navigator.gpu` must be there. */
export async function matmulPeers(): Promise<Contender[]> {
  return Promise.all(MATMUL_PEERS.map(async (file) => matmulPeer(file)));
}

/** hash-wasm: the fastest hashes that run in Node without a native addon, and its version. */
export async function wasmHashers(): Promise<{ hashers: Hashers; version: string }> {
  const module = z
    .object({ packageName: z.string(), prepare: callable })
    .parse(await import(new URL("hashes.mjs", PEERS_URL).href));
  const hashers = Hashers.parse(await module.prepare());
  return { hashers, version: await versionOf(module.packageName) };
}

async function matmulPeer(file: string): Promise<Contender> {
  const module = MatmulModule.parse(await import(new URL(file, PEERS_URL).href));
  const { name, packageName } = module;
  return {
    name,
    version: await versionOf(packageName),
    prepare: async (product) => preparedPeer(module.prepare, product),
  };
}

async function preparedPeer(prepare: Callable, product: SquareProduct): Promise<Prepared> {
  const peer = PreparedPeer.parse(await prepare(product));
  return {
    run: async (count) => void (await peer.run(count)),
    read: async () => numbers.parse(await peer.read()),
    dispose: async () => void (await peer.dispose()),
  };
}

async function versionOf(packageName: string): Promise<string> {
  const manifest = new URL(`node_modules/${packageName}/package.json`, PEERS_URL);
  return Version.parse(JSON.parse(await readFile(manifest, "utf8"))).version;
}
