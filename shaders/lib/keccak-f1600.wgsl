// Keccak-f[1600] (FIPS 202, section 3): the permutation inside Keccak-256, Keccak-512 and SHAKE.
// Included by the kernels that hash with it.
//
// State          25 lanes of 64 bits; the lane of column x and row y is element x + 5 * y. A lane is a
//                vec2u, low word first, so the bytes of a little-endian message are its words in
//                order.
// Operations     per permutation 7,440 32-bit operations: 24 rounds x (theta 110, rho 48, chi 150,
//                iota 2), where a rotation of a lane counts as two and a "not" as one
//
// Every lane is addressed by a constant, so that the state stays in registers.
//
// Bounds         only the table of round constants is indexed by a variable, which stays below 24.

const KECCAK_ROUND_CONSTANTS = array<vec2u, 24>(
  vec2u(0x00000001, 0x00000000), vec2u(0x00008082, 0x00000000), vec2u(0x0000808a, 0x80000000),
  vec2u(0x80008000, 0x80000000), vec2u(0x0000808b, 0x00000000), vec2u(0x80000001, 0x00000000),
  vec2u(0x80008081, 0x80000000), vec2u(0x00008009, 0x80000000), vec2u(0x0000008a, 0x00000000),
  vec2u(0x00000088, 0x00000000), vec2u(0x80008009, 0x00000000), vec2u(0x8000000a, 0x00000000),
  vec2u(0x8000808b, 0x00000000), vec2u(0x0000008b, 0x80000000), vec2u(0x00008089, 0x80000000),
  vec2u(0x00008003, 0x80000000), vec2u(0x00008002, 0x80000000), vec2u(0x00000080, 0x80000000),
  vec2u(0x0000800a, 0x00000000), vec2u(0x8000000a, 0x80000000), vec2u(0x80008081, 0x80000000),
  vec2u(0x00008080, 0x80000000), vec2u(0x80000001, 0x00000000), vec2u(0x80008008, 0x80000000),
);

// By 1 to 31 bits: what leaves one word enters the other.
fn rotate_lane(lane: vec2u, bits: u32) -> vec2u {
  return (lane << vec2u(bits)) | (lane.yx >> vec2u(32 - bits));
}

// By 33 to 63 bits: the words change places first.
fn rotate_lane_far(lane: vec2u, bits: u32) -> vec2u {
  return rotate_lane(lane.yx, bits - 32);
}

// Theta: what every lane of a column is changed by, from the parity of its neighbours.
fn keccak_column_changes(s: ptr<function, array<vec2u, 25>>) -> array<vec2u, 5> {
  let c0 = (*s)[0] ^ (*s)[5] ^ (*s)[10] ^ (*s)[15] ^ (*s)[20];
  let c1 = (*s)[1] ^ (*s)[6] ^ (*s)[11] ^ (*s)[16] ^ (*s)[21];
  let c2 = (*s)[2] ^ (*s)[7] ^ (*s)[12] ^ (*s)[17] ^ (*s)[22];
  let c3 = (*s)[3] ^ (*s)[8] ^ (*s)[13] ^ (*s)[18] ^ (*s)[23];
  let c4 = (*s)[4] ^ (*s)[9] ^ (*s)[14] ^ (*s)[19] ^ (*s)[24];
  return array<vec2u, 5>(
    c4 ^ rotate_lane(c1, 1),
    c0 ^ rotate_lane(c2, 1),
    c1 ^ rotate_lane(c3, 1),
    c2 ^ rotate_lane(c4, 1),
    c3 ^ rotate_lane(c0, 1),
  );
}

fn keccak_round(s: ptr<function, array<vec2u, 25>>, constant: vec2u) {
  let d = keccak_column_changes(s);

  // Rho and pi: each lane is rotated by an amount of its own and moves to another place.
  let b0 = (*s)[0] ^ d[0];
  let b1 = rotate_lane_far((*s)[6] ^ d[1], 44);
  let b2 = rotate_lane_far((*s)[12] ^ d[2], 43);
  let b3 = rotate_lane((*s)[18] ^ d[3], 21);
  let b4 = rotate_lane((*s)[24] ^ d[4], 14);
  let b5 = rotate_lane((*s)[3] ^ d[3], 28);
  let b6 = rotate_lane((*s)[9] ^ d[4], 20);
  let b7 = rotate_lane((*s)[10] ^ d[0], 3);
  let b8 = rotate_lane_far((*s)[16] ^ d[1], 45);
  let b9 = rotate_lane_far((*s)[22] ^ d[2], 61);
  let b10 = rotate_lane((*s)[1] ^ d[1], 1);
  let b11 = rotate_lane((*s)[7] ^ d[2], 6);
  let b12 = rotate_lane((*s)[13] ^ d[3], 25);
  let b13 = rotate_lane((*s)[19] ^ d[4], 8);
  let b14 = rotate_lane((*s)[20] ^ d[0], 18);
  let b15 = rotate_lane((*s)[4] ^ d[4], 27);
  let b16 = rotate_lane_far((*s)[5] ^ d[0], 36);
  let b17 = rotate_lane((*s)[11] ^ d[1], 10);
  let b18 = rotate_lane((*s)[17] ^ d[2], 15);
  let b19 = rotate_lane_far((*s)[23] ^ d[3], 56);
  let b20 = rotate_lane_far((*s)[2] ^ d[2], 62);
  let b21 = rotate_lane_far((*s)[8] ^ d[3], 55);
  let b22 = rotate_lane_far((*s)[14] ^ d[4], 39);
  let b23 = rotate_lane_far((*s)[15] ^ d[0], 41);
  let b24 = rotate_lane((*s)[21] ^ d[1], 2);

  // Chi, row by row, and iota.
  (*s)[0] = b0 ^ (~b1 & b2) ^ constant;
  (*s)[1] = b1 ^ (~b2 & b3);
  (*s)[2] = b2 ^ (~b3 & b4);
  (*s)[3] = b3 ^ (~b4 & b0);
  (*s)[4] = b4 ^ (~b0 & b1);
  (*s)[5] = b5 ^ (~b6 & b7);
  (*s)[6] = b6 ^ (~b7 & b8);
  (*s)[7] = b7 ^ (~b8 & b9);
  (*s)[8] = b8 ^ (~b9 & b5);
  (*s)[9] = b9 ^ (~b5 & b6);
  (*s)[10] = b10 ^ (~b11 & b12);
  (*s)[11] = b11 ^ (~b12 & b13);
  (*s)[12] = b12 ^ (~b13 & b14);
  (*s)[13] = b13 ^ (~b14 & b10);
  (*s)[14] = b14 ^ (~b10 & b11);
  (*s)[15] = b15 ^ (~b16 & b17);
  (*s)[16] = b16 ^ (~b17 & b18);
  (*s)[17] = b17 ^ (~b18 & b19);
  (*s)[18] = b18 ^ (~b19 & b15);
  (*s)[19] = b19 ^ (~b15 & b16);
  (*s)[20] = b20 ^ (~b21 & b22);
  (*s)[21] = b21 ^ (~b22 & b23);
  (*s)[22] = b22 ^ (~b23 & b24);
  (*s)[23] = b23 ^ (~b24 & b20);
  (*s)[24] = b24 ^ (~b20 & b21);
}

fn keccak_f1600(s: ptr<function, array<vec2u, 25>>) {
  for (var round = 0u; round < 24; round++) {
    keccak_round(s, KECCAK_ROUND_CONSTANTS[round]);
  }
}
