// A bijection of 32-bit words that leaves no visible pattern: data for kernels out of plain numbers,
// which the CPU can make again.
fn scatter_word(word: u32) -> u32 {
  var x = (word ^ (word >> 16)) * 0x21f0aaad;
  x = (x ^ (x >> 15)) * 0x735a2d97;
  return x ^ (x >> 15);
}

fn scatter(words: vec4u) -> vec4u {
  var x = (words ^ (words >> vec4u(16))) * 0x21f0aaad;
  x = (x ^ (x >> vec4u(15))) * 0x735a2d97;
  return x ^ (x >> vec4u(15));
}
