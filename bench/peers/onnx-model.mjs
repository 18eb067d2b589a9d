/**
 * An ONNX model of one square f32 MatMul, C = A x B, as protocol-buffer bytes. Field numbers are
 * those of onnx.proto (ModelProto, GraphProto, NodeProto, ValueInfoProto, TypeProto).
 */
export function matMulModel(side) {
  const value = (name) => {
    const dimension = field(1, integer(1, side));
    const shape = field(2, [...dimension, ...dimension]);
    const float = 1;
    const type = field(1, [...integer(1, float), ...shape]);
    return [...text(1, name), ...field(2, type)];
  };
  const node = [...text(1, "A"), ...text(1, "B"), ...text(2, "C"), ...text(4, "MatMul")];
  const graph = [
    ...field(1, node),
    ...text(2, "product"),
    ...field(11, value("A")),
    ...field(11, value("B")),
    ...field(12, value("C")),
  ];
  const [irVersion, operatorSet] = [8, 13];
  return Uint8Array.from([
    ...integer(1, irVersion),
    ...field(7, graph),
    ...field(8, integer(2, operatorSet)),
  ]);
}

const VARINT = 0;
const BYTES = 2;

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function integer(number, value) {
  return [...varint((number << 3) | VARINT), ...varint(value)];
}

function field(number, bytes) {
  return [...varint((number << 3) | BYTES), ...varint(bytes.length), ...bytes];
}

function text(number, string) {
  return field(number, [...Buffer.from(string)]);
}
