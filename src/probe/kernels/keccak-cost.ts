/** 32-bit operations of one Keccak-f[1600], as counted in `shaders/lib/keccak-f1600.wgsl`. */
export const KECCAK_F1600_OPERATIONS = 7440;
