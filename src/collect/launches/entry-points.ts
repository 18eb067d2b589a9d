/*
 * The functions through which programs hand kernels to a GPU, by the library that exports them, and
 * where in their arguments the shape of the launch stands. Facts of the published headers.
 */

/** Whose call it is. `cuda-runtime` ends in a call of `cuda-driver`, and must not be counted beside it. */
export type LaunchApi = "cuda-driver" | "cuda-runtime" | "hip" | "opencl" | "vulkan" | "level-zero";

/**
 * How a launch tells its shape:
 * - `arguments`: handle, then six integers, grid before block
 * - `dim3`: handle, then two structures of three integers, passed in two registers each
 * - `configuration`: a pointer to a structure that begins with those six, then the handle
 * - `work-items`: as `arguments`, but counted in work-items, not in groups
 * - `ndrange`: OpenCL: kernel second, pointers to global and local sizes fifth and sixth
 * - `group-count`: Level Zero: kernel second, a pointer to three integers third
 * - `handle`: only what is launched, such as a graph; `opaque`: not even that
 */
export type LaunchShape =
  | "arguments"
  | "dim3"
  | "configuration"
  | "work-items"
  | "ndrange"
  | "group-count"
  | "handle"
  | "opaque";

export interface EntryPoint {
  /** Stands for it in the script's maps. */
  id: number;
  name: string;
  api: LaunchApi;
  shape: LaunchShape;
}

/**
 * How a function tells the name of a kernel:
 * - `out-name`: writes the handle to its first argument; the name is its third
 * - `out-alias`: writes a handle to its first argument that stands for the one in the second
 * - `name-out`: writes the name's address to its first argument, for the handle in the second
 * - `returned`: returns the handle; the name is its second argument
 * - `described`: Level Zero: the description second holds the name, the handle goes to the third
 */
export type NamingShape = "out-name" | "out-alias" | "name-out" | "returned" | "described";

export interface NamingPoint {
  name: string;
  shape: NamingShape;
}

export interface LibraryKind {
  api: LaunchApi;
  /** Of the file's base name. */
  pattern: RegExp;
  entries: readonly EntryPoint[];
  names: readonly NamingPoint[];
}

type Named = readonly [name: string, shape: LaunchShape];

/** CUDA and HIP have each call again for the other kind of default stream. */
const withVariants = (suffix: string, all: readonly Named[]): Named[] =>
  all.flatMap(([name, shape]): Named[] => [
    [name, shape],
    [`${name}${suffix}`, shape],
  ]);

const LISTS: readonly (readonly [LaunchApi, RegExp, readonly Named[], readonly NamingPoint[]])[] = [
  [
    "cuda-driver",
    /^libcuda\.so(\.|$)/,
    withVariants("_ptsz", [
      ["cuLaunchKernel", "arguments"],
      ["cuLaunchKernelEx", "configuration"],
      ["cuLaunchCooperativeKernel", "arguments"],
      ["cuGraphLaunch", "handle"],
    ]),
    [
      { name: "cuModuleGetFunction", shape: "out-name" },
      { name: "cuLibraryGetKernel", shape: "out-name" },
      { name: "cuKernelGetFunction", shape: "out-alias" },
      { name: "cuFuncGetName", shape: "name-out" },
      { name: "cuKernelGetName", shape: "name-out" },
    ],
  ],
  [
    "cuda-runtime",
    // Wheels bundle copies with a hash in the name: libcudart-d0da41ae.so.11.0.
    /^libcudart(-[0-9a-f]+)?\.so(\.|$)/,
    withVariants("_ptsz", [
      ["cudaLaunchKernel", "dim3"],
      ["cudaLaunchKernelExC", "configuration"],
      ["cudaLaunchCooperativeKernel", "dim3"],
      ["cudaGraphLaunch", "handle"],
    ]),
    [],
  ],
  [
    "hip",
    /^libamdhip64\.so(\.|$)/,
    [
      ...withVariants("_spt", [
        ["hipLaunchKernel", "dim3"],
        ["hipLaunchCooperativeKernel", "dim3"],
        ["hipGraphLaunch", "handle"],
      ]),
      ["hipExtLaunchKernel", "dim3"],
      ["hipModuleLaunchKernel", "arguments"],
      ["hipModuleLaunchCooperativeKernel", "arguments"],
      ["hipExtModuleLaunchKernel", "work-items"],
    ],
    [{ name: "hipModuleGetFunction", shape: "out-name" }],
  ],
  [
    "opencl",
    /^libOpenCL\.so(\.|$)/,
    [["clEnqueueNDRangeKernel", "ndrange"]],
    [{ name: "clCreateKernel", shape: "returned" }],
  ],
  [
    "vulkan",
    /^libvulkan\.so(\.|$)/,
    [
      ["vkQueueSubmit", "opaque"],
      ["vkQueueSubmit2", "opaque"],
      ["vkQueueSubmit2KHR", "opaque"],
    ],
    [],
  ],
  [
    "level-zero",
    /^libze_loader\.so(\.|$)/,
    [
      ["zeCommandListAppendLaunchKernel", "group-count"],
      ["zeCommandListAppendLaunchCooperativeKernel", "group-count"],
    ],
    [{ name: "zeKernelCreate", shape: "described" }],
  ],
];

let nextId = 1;

export const LIBRARY_KINDS: readonly LibraryKind[] = LISTS.map(
  ([api, pattern, entries, names]) => ({
    api,
    pattern,
    entries: entries.map(([name, shape]) => ({ id: nextId++, name, api, shape })),
    names,
  }),
);

const BY_ID: ReadonlyMap<number, EntryPoint> = new Map(
  LIBRARY_KINDS.flatMap(({ entries }) => entries.map((entry) => [entry.id, entry] as const)),
);

export function entryPoint(id: number): EntryPoint | undefined {
  return BY_ID.get(id);
}

/** What kind of library a mapped file is, by its base name; undefined for all others. */
export function libraryKind(path: string): LibraryKind | undefined {
  const base = path.slice(path.lastIndexOf("/") + 1);
  return LIBRARY_KINDS.find(({ pattern }) => pattern.test(base));
}
