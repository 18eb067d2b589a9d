import { eachLine } from "../lines.ts";

/**
 * Libraries by the names of their files, which say what a process computes with. What is linked into the
 * program itself (most often the CUDA runtime) is no file of its own and cannot be seen here.
 */
const LIBRARIES: readonly (readonly [string, RegExp])[] = [
  ["cuda", /^libcuda(?:debugger)?\.so/],
  ["cudart", /^libcudart\b/],
  ["nvrtc", /^libnvrtc\b/],
  ["cudnn", /^libcudnn/],
  ["cublas", /^libcublas/],
  ["nccl", /^libnccl\b/],
  ["torch", /^lib(?:torch|c10)(?:[._]|$)/],
  ["tensorflow", /^(?:libtensorflow|_pywrap_tensorflow)/],
  ["jax", /^(?:libjax|xla_extension|xla_cuda|libpjrt|pjrt_c_api|libtpu)/],
  ["onnxruntime", /^(?:libonnxruntime|onnxruntime_pybind)/],
  ["tensorrt", /^libnvinfer/],
  ["triton", /^libtriton/],
  ["opencl", /^lib(?:nvidia-)?[oO]pen[cC][lL]\b/],
  ["vulkan", /^libvulkan/],
  ["hip", /^lib(?:amd)?hip/],
  ["rocm", /^lib(?:rocblas|rocm|rccl|MIOpen|hsa-runtime)/],
  ["level-zero", /^libze_/],
];

/** Folders that give a library away whose own file is called anything. */
const FOLDERS: readonly (readonly [string, RegExp])[] = [
  ["torch", /\/site-packages\/torch\//],
  ["tensorflow", /\/site-packages\/tensorflow\//],
  ["jax", /\/site-packages\/jaxlib\//],
  ["onnxruntime", /\/site-packages\/onnxruntime\//],
  ["triton", /\/site-packages\/triton\//],
];

const MAX_BYTES = 4 * 1024 ** 2;

/**
 * The libraries of GPU frameworks and drivers that a process has mapped, by short names in a fixed order;
 * of a map of more than 4 MiB, its beginning.
 * @returns undefined where it may not be read
 */
export function readMapped(mapsPath: string): string[] | undefined {
  const paths = new Set<string>();
  const read = eachLine(mapsPath, MAX_BYTES, (line) => {
    const slash = line.indexOf("/");
    if (slash >= 0) paths.add(line.slice(slash, slash + 4096));
  });
  return read && namesOf(paths);
}

/** Pure: short names of the libraries among the mapped files. */
export function namesOf(paths: Iterable<string>): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    const file = path.slice(path.lastIndexOf("/") + 1);
    for (const [name, pattern] of LIBRARIES) if (pattern.test(file)) found.add(name);
    for (const [name, pattern] of FOLDERS) if (pattern.test(path)) found.add(name);
  }
  return LIBRARIES.flatMap(([name]) => (found.has(name) ? [name] : []));
}
