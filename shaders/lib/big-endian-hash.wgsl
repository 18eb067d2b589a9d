// A 256-bit hash as it lies in memory, compared with the target of `params` (`threshold`, the most
// significant word first) as a number whose first byte weighs most.

fn swap_bytes(x: u32) -> u32 {
  return (((x >> 8) | (x << 24)) & 0xff00ff00) | (((x >> 24) | (x << 8)) & 0x00ff00ff);
}

fn meets_threshold(hash: array<vec4u, 2>) -> bool {
  for (var i = 0u; i < 8; i++) {
    let word = swap_bytes(hash[i / 4][i % 4]);
    let limit = params.threshold[i / 4][i % 4];
    if (word != limit) {
      return word < limit;
    }
  }
  return true;
}
