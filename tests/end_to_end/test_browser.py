"""onnxruntime-web in a page of a real browser, on the golden cases: chromium without a window.

The page fetches graphs and inputs from here, and sends back what it computed. Needs what
scripts/runtimes installs for onnxruntime-web, and a chromium on PATH (apt-get install chromium).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import unquote

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.graph.io import save
from tests.helpers.golden_cases import CASES, Case, assert_outputs, feeds, lowered

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PACKAGE = Path("build", "runtimes", "onnxruntime-web", "node_modules", "onnxruntime-web")
DIST = Path(__file__).parents[2] / PACKAGE / "dist"
PATIENCE = 600  # seconds
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
PAGE = """<!doctype html>
<script type="module">
import * as ort from "./ort/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./ort/", location.href).href;
ort.env.wasm.numThreads = 1;  // more need headers that isolate the page
const bytes = async (path) => (await fetch(path)).arrayBuffer();
const send = (path, body) => fetch(path, { method: "POST", body });

for (const { name, inputs, outputs } of await (await fetch("cases.json")).json()) {
  try {
    const graph = new Uint8Array(await bytes(`cases/${name}/net.onnx`));
    const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
    const feeds = {};
    for (const [index, { blob, dims }] of inputs.entries()) {
      const numbers = new Float32Array(await bytes(`cases/${name}/${index}`));
      feeds[blob] = new ort.Tensor("float32", numbers, dims);
    }
    const results = await session.run(feeds, outputs);
    for (const blob of outputs) {
      const { type, dims, data } = results[blob];
      const about = encodeURIComponent(JSON.stringify({ name, blob, type, dims }));
      await send(`result?${about}`, data);
    }
    await session.release();
  } catch (error) {
    await send(`error?${encodeURIComponent(JSON.stringify({ name }))}`, String(error));
  }
}
await send("end?{}", "");
</script>
"""

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on PATH"),
    pytest.mark.skipif(
        not DIST.is_dir(), reason=f"there is no {PACKAGE}: scripts/runtimes --only onnxruntime-web"
    ),
]


@dataclass(frozen=True)
class Answers:
    """What the page has sent: the outputs of each case by blob, or what went wrong."""

    results: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    ended: Event = field(default_factory=Event)

    def add(self, kind: str, about: Mapping[str, object], body: bytes) -> None:
        name = str(about.get("name"))
        if kind == "result":
            numbers = np.frombuffer(body, str(about["type"])).reshape(about["dims"])
            self.results.setdefault(name, {})[str(about["blob"])] = numbers
        elif kind == "error":
            self.errors[name] = body.decode()
        else:
            self.ended.set()


class Handler(SimpleHTTPRequestHandler):
    """The files of a folder, and answers to be added."""

    def __init__(self, *arguments: object, answers: Answers, directory: Path) -> None:
        self._answers = answers
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        kind, _, about = self.path.lstrip("/").partition("?")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answers.add(kind, json.loads(unquote(about)), body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Answers]]:
    """The address of a page over this folder, and what it sends."""
    answers = Answers()
    handler = partial(Handler, answers=answers, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/page.html", answers
        finally:
            server.shutdown()
            thread.join()


def written(case: Case, folder: Path) -> dict[str, object]:
    """Writes a case for the page, and gives what that has to know of it."""
    model = lowered(case)
    folder.mkdir()
    save(model, folder / "net.onnx")
    fed = feeds(case, model)
    for index, array in enumerate(fed.values()):
        (folder / str(index)).write_bytes(np.ascontiguousarray(array, np.float32).tobytes())
    inputs = [{"blob": name, "dims": array.shape} for name, array in fed.items()]
    return {"name": str(case), "inputs": inputs, "outputs": list(model.outputs)}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What the page computes of all cases."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "cases").mkdir()
    (folder / "ort").symlink_to(DIST)
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    cases = [written(case, folder / "cases" / str(case)) for case in CASES]
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    with serving(folder) as (address, sent), (folder / "log").open("wb") as log:
        profile = f"--user-data-dir={folder / 'profile'}"
        command = [str(CHROMIUM), *FLAGS, profile, address]
        with subprocess.Popen(command, stdout=log, stderr=log) as browser:
            sent.ended.wait(PATIENCE)
            browser.terminate()
    assert sent.ended.is_set(), (folder / "log").read_text(errors="replace")[-2000:]
    return sent


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_page_gives_what_caffe_gave(case: Case, answers: Answers) -> None:
    assert str(case) not in answers.errors, answers.errors[str(case)]
    assert_outputs(case, answers.results[str(case)])
