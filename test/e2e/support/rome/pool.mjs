// Plays a mining pool for tests: answers every line of Stratum with an empty result.
// usage: node pool.mjs ADDRESS PORT; says "ready" when it listens.
import { createServer } from "node:net";

const [address, port] = process.argv.slice(2);

createServer((socket) => {
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const { id } = JSON.parse(line);
      socket.write(`${JSON.stringify({ id, result: true, error: null })}\n`);
    }
  });
  socket.on("error", () => socket.destroy());
}).listen(Number(port), address, () => console.log("ready"));
