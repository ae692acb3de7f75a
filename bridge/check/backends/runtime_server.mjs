// onnxruntime-web in Node, for runtime_process.py: what runtime_server.py is for Python.
import { readFileSync, readSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(join(process.argv[2], "anchor.js"));
const KINDS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

// What a runtime prints must not reach the answers.
console.log = console.error;
console.info = console.error;

function read(size) {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const count = readSync(0, bytes, done, size - done);
    if (count === 0) process.exit(0);
    done += count;
  }
  return bytes;
}

function line() {
  const bytes = [];
  for (let byte = read(1)[0]; byte !== 10; byte = read(1)[0]) bytes.push(byte);
  return new TextDecoder().decode(new Uint8Array(bytes));
}

function write(bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

function send(message, tensors = {}) {
  const arrays = Object.entries(tensors).map(([name, one]) => [name, one.type, one.dims]);
  write(new TextEncoder().encode(JSON.stringify({ ...message, arrays }) + "\n"));
  for (const { data } of Object.values(tensors)) {
    write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

function received(ort, arrays) {
  return Object.fromEntries(
    arrays.map(([name, type, dims]) => {
      const Kind = KINDS[type];
      const count = dims.reduce((product, size) => product * size, 1);
      const bytes = read(count * Kind.BYTES_PER_ELEMENT);
      return [name, new ort.Tensor(type, new Kind(bytes.buffer), dims)];
    }),
  );
}

// The package exports no package.json, which is above the folder of what it exports.
function packageFile() {
  return join(dirname(dirname(require.resolve("onnxruntime-web/wasm"))), "package.json");
}

let ort;
try {
  ort = require("onnxruntime-web/wasm");
  const { version } = JSON.parse(readFileSync(packageFile(), "utf8"));
  ort.env.logLevel = "fatal";
  send({ version });
} catch {
  send({ version: "" });
}

let path, session;
for (;;) {
  const request = JSON.parse(line());
  const inputs = received(ort, request.arrays);
  try {
    if (request.graph !== path) {
      await session?.release();
      [path, session] = [request.graph, undefined];
      const options = { executionProviders: ["wasm"] };
      session = await ort.InferenceSession.create(readFileSync(path), options);
    }
    const results = await session.run(inputs, request.outputs);
    send({}, Object.fromEntries(request.outputs.map((name) => [name, results[name]])));
  } catch (error) {
    send({ error: String(error.message ?? error) });
    path = undefined;
  }
}
