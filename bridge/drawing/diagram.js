"use strict";
for (const figure of document.querySelectorAll("figure.net")) {
  const svg = figure.querySelector("svg"), all = svg.querySelector("g");
  const tools = figure.querySelector(".tools"), details = figure.querySelector("pre");
  const find = tools.querySelector("input"), boxes = [...svg.querySelectorAll(".box")];
  const { width, height } = svg.viewBox.baseVal;
  const fingers = new Map();
  let x = 0, y = 0, scale = 1, dragged = 0, shown = null;

  const draw = () => all.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  const whole = () => Math.min(svg.clientWidth / width, svg.clientHeight / height);
  const zoom = (factor, atX = svg.clientWidth / 2, atY = svg.clientHeight / 2) => {
    const next = Math.min(4, Math.max(Math.min(whole(), 1) * 0.8, scale * factor));
    x = atX - (atX - x) * next / scale;
    y = atY - (atY - y) * next / scale;
    scale = next;
    draw();
  };
  const centre = (box, top) => {
    const rect = box.querySelector("rect");
    const [left, upper, wide] = ["x", "y", "width"].map((name) => +rect.getAttribute(name));
    x = svg.clientWidth / 2 - (left + wide / 2) * scale;
    y = top - upper * scale;
    draw();
  };
  const show = (box) => {
    if (shown) shown.classList.remove("shown");
    shown = box === shown ? null : box;
    details.hidden = !shown;
    if (!shown) return;
    shown.classList.add("shown");
    details.textContent = shown.querySelector("title").textContent;
  };
  const overview = () => {
    scale = Math.min(whole(), 1);
    x = (svg.clientWidth - width * scale) / 2;
    y = (svg.clientHeight - height * scale) / 2;
    draw();
  };
  const start = () => {
    scale = Math.min(1, Math.max(0.7, svg.clientWidth / width));
    if (boxes.length) centre(boxes[0], 16);
  };
  const point = (event) => {
    const frame = svg.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };

  svg.removeAttribute("viewBox");
  figure.classList.add("ready");
  tools.hidden = false;
  start();

  svg.addEventListener("wheel", (event) => {
    // A page that is longer than its picture goes on scrolling, until the picture is chosen.
    if (!event.ctrlKey && !figure.classList.contains("alone") && document.activeElement !== svg) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / (event.deltaMode ? 20 : 400)), ...point(event));
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    if (!fingers.size) dragged = 0;
    fingers.set(event.pointerId, point(event));
  });
  svg.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const [oldX, oldY] = fingers.get(event.pointerId), [newX, newY] = point(event);
    dragged += Math.abs(newX - oldX) + Math.abs(newY - oldY);
    if (dragged > 6) svg.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [newX, newY]);
    const other = [...fingers].find(([id]) => id !== event.pointerId);
    if (!other) {
      x += newX - oldX;
      y += newY - oldY;
      draw();
      return;
    }
    const [restX, restY] = other[1];
    const before = Math.hypot(oldX - restX, oldY - restY);
    if (before) zoom(Math.hypot(newX - restX, newY - restY) / before, restX, restY);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  svg.addEventListener("click", (event) => {
    const box = event.target.closest(".box");
    if (box && dragged <= 6) show(box);
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (step) { x += step[0]; y += step[1]; draw(); }
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.25 : 0.8);
    else if (event.key === "0") overview();
    else return;
    event.preventDefault();
  });
  const actions = { in: () => zoom(1.4), out: () => zoom(1 / 1.4), whole: overview, start };
  for (const button of tools.querySelectorAll("button")) {
    button.addEventListener("click", actions[button.value]);
  }
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !find.value) return;
    const text = find.value.toLowerCase(), from = boxes.indexOf(shown) + 1;
    const order = [...boxes.slice(from), ...boxes.slice(0, from)];
    const box = order.find((box) => box.querySelector("title").textContent.split("\n")[0].toLowerCase().includes(text));
    if (!box) return;
    scale = Math.max(scale, 0.8);
    centre(box, svg.clientHeight / 3);
    if (box !== shown) show(box);
  });
}
