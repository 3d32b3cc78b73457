// The boundary editor's browser side. The text goes to Python after a short pause, and what comes back is shown: Python
// has escaped it. The history is the recipe's, so undo and redo are asked of Python too.
const PAUSE = 120;

function make(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  parent.append(node);
  return node;
}

function render({ model, el }) {
  const root = make("div", "vlmbench editor", el);
  const tools = make("div", "tools", root);
  const button = (label, title, action) => {
    const node = make("button", "tool", tools, label);
    node.type = "button";
    node.title = title;
    node.addEventListener("click", action);
    return node;
  };
  const area = make("textarea", "yaml", root);
  area.spellcheck = false;
  area.setAttribute("aria-label", "role_boundaries, YAML");
  const status = make("div", "status", root);
  status.setAttribute("aria-live", "polite");
  const mask = make("div", "mask", root);
  const findings = make("div", "found", root);

  let timer = null;
  const flush = () => {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    model.set("text", area.value);
    model.save_changes();
  };
  const ask = (what) => {
    flush();
    model.send({ do: what });
  };
  const step = (by) => {
    const last = model.get("last");
    const next = Math.max(0, model.get("row") + by);
    if (next === model.get("row") || (last >= 0 && next > last)) return;
    flush();
    model.set("row", next);
    model.save_changes();
  };
  button("↶", "Undo", () => ask("undo"));
  button("↷", "Redo", () => ask("redo"));
  const before = button("‹", "The row before", () => step(-1));
  const row = make("span", "which", tools);
  const after = button("›", "The row after", () => step(1));

  area.addEventListener("input", () => {
    fit();
    clearTimeout(timer);
    timer = setTimeout(flush, PAUSE);
  });
  area.addEventListener("blur", flush);
  area.addEventListener("keydown", (event) => {
    // The notebook has keys of its own.
    event.stopPropagation();
    if (!(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    ask(key === "y" || event.shiftKey ? "redo" : "undo");
  });
  findings.addEventListener("click", (event) => {
    const fix = event.target.closest("button.fix");
    if (fix === null) return;
    flush();
    model.send({ do: "fix", title: fix.dataset.fix });
  });
  status.addEventListener("click", () => {
    const [line, column] = model.get("place");
    if (!line) return;
    const before = area.value.split("\n").slice(0, line - 1);
    const at = before.reduce((sum, one) => sum + one.length + 1, 0) + Math.max(0, column - 1);
    area.focus();
    area.setSelectionRange(at, at);
  });

  const fit = () => {
    area.rows = Math.min(30, Math.max(6, area.value.split("\n").length + 1));
  };
  const draw = {
    text() {
      // What is being typed is newer than what Python has seen.
      if (timer !== null || area.value === model.get("text")) return;
      const at = area.selectionStart;
      area.value = model.get("text");
      area.setSelectionRange(Math.min(at, area.value.length), Math.min(at, area.value.length));
      fit();
    },
    html() {
      mask.innerHTML = model.get("html");
    },
    status() {
      status.innerHTML = model.get("status");
    },
    place() {
      const wrong = model.get("place").length > 0;
      root.classList.toggle("wrong", wrong);
      area.setAttribute("aria-invalid", String(wrong));
    },
    findings() {
      findings.innerHTML = model.get("findings");
    },
    row() {
      const [here, last] = [model.get("row"), model.get("last")];
      row.textContent = last >= 0 ? `row ${here} of 0–${last}` : `row ${here}`;
      before.disabled = here <= 0;
      after.disabled = last >= 0 && here >= last;
    },
    last() {
      draw.row();
    },
    placeholder() {
      area.placeholder = model.get("placeholder");
    },
  };
  for (const [name, show] of Object.entries(draw)) {
    model.on(`change:${name}`, show);
    show();
  }
  fit();
  return () => {
    flush();
    for (const [name, show] of Object.entries(draw)) model.off(`change:${name}`, show);
  };
}

export default { render };
