// The page of a model. Every name, label and answer becomes text by `textContent`: nothing is parsed
// as HTML. A token is kept in this tab, and sent to this API alone.

const root = new URL(document.documentElement.dataset.root || "./", location.href);
const TOKEN = "lading-token", SHORTEN = 72, BARS = 10;
const find = (id) => document.getElementById(id);
const main = find("main");

function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "rect"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

// ---- Calls -----------------------------------------------------------------------------------

const token = () => sessionStorage.getItem(TOKEN) || "";

function showToken(shown) {
  find("token").hidden = !shown;
  find("key").setAttribute("aria-expanded", shown);
  if (shown) find("bearer").focus();
}

async function call(path, { method = "GET", body, accept } = {}) {
  const headers = accept ? { accept } : {};
  if (token()) headers.authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(new URL(path, root), { method, headers, body, credentials: "omit" });
  if (answer.status === 401 || answer.status === 403) showToken(true);
  return answer;
}

async function read(path) {
  const answer = await call(path);
  if (answer.ok) return answer.json();
  throw new Error(await reason(answer));
}

async function reason(answer) {
  if (answer.status === 401 || answer.status === 403) return "This API needs a token. Enter it above.";
  const text = await answer.text();
  try {
    const { error, message } = JSON.parse(text);
    return String(error?.message ?? error ?? message ?? text);
  } catch {
    return `${answer.status} ${text.slice(0, 300)}`;
  }
}

const base = (name) => `${encodeURIComponent(name)}/`;

// ---- The form --------------------------------------------------------------------------------

const shown = (value) => (typeof value === "number" ? String(value) : value);

function range(column) {
  return column.low === undefined ? "" : `${column.low} to ${column.high} in the data`;
}

function numberField(label, column, field) {
  const id = `f${numberField.next = (numberField.next || 0) + 1}`;
  const hint = range(column);
  const input = make("input", {
    id, type: "number", step: field.whole ? 1 : "any", value: column.example, inputmode: "decimal",
    required: !field.optional, "aria-describedby": hint && `${id}h`,
  });
  const parts = [make("label", { for: id }, label), input];
  if (hint) parts.push(make("span", { class: "unit", id: `${id}h` }, hint));
  const get = () => (input.value === "" ? null : Number(input.value));
  return { node: make("div", { class: "field" }, parts), get };
}

function choiceField(field) {
  const id = `c-${field.name}`, other = field.choices.length > 40;
  const options = field.choices.map((each, at) => make("option", { value: at }, String(each)));
  const select = make("select", { id }, options, field.optional ? make("option", { value: "" }, "missing") : null);
  return {
    node: make("div", { class: other ? "field whole" : "field" }, make("label", { for: id }, field.name), select),
    get: () => field.choices[select.value] ?? null,
  };
}

function textField(field) {
  const id = `t-${field.name}`;
  const area = make("textarea", { id, placeholder: "A text" });
  return { node: make("div", { class: "field whole" }, make("label", { for: id }, field.name), area), get: () => area.value };
}

function imageField(field) {
  const id = `i-${field.name}`, picture = make("img", { alt: "The chosen image", hidden: true });
  const file = make("input", { id, type: "file", accept: "image/png,image/jpeg", onchange: () => take(file.files[0]) });
  let content = null;
  async function take(chosen) {
    if (!chosen) return;
    content = await base64(chosen);
    picture.src = `data:${chosen.type};base64,${content}`;
    picture.hidden = false;
  }
  const zone = make("div", { class: "drop" }, picture, make("label", { for: id }, `${field.name}: drop an image here, or choose a file`), file);
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  return {
    node: make("div", { class: "field whole" }, zone),
    get: (sample) => {
      if (content === null && !sample) throw new Error(`${field.name}: choose an image first.`);
      return { b64: content || "…" };
    },
  };
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function numbersField(field) {
  const fields = field.columns.map((column, at) => numberField(`${field.name}[${at}]`, column, field));
  const group = make("fieldset", { class: "field whole" }, make("legend", {}, field.name),
    make("div", { class: "fields" }, fields.map((each) => each.node)));
  return { node: group, get: () => fields.map((each) => each.get()) };
}

function tensorField(field) {
  const id = `j-${field.name}`, shape = field.shape.map((size) => (size === -1 ? "any" : size)).join(" × ");
  const example = field.example ? JSON.stringify(nest(field.example, field)) : "";
  const area = make("textarea", { id, spellcheck: "false", "aria-describedby": `${id}h` });
  area.value = example;
  return {
    node: make("div", { class: "field whole" }, make("label", { for: id }, field.name), area,
      make("span", { class: "unit", id: `${id}h` }, `${field.datatype}, ${shape}, as JSON`)),
    whole: true,
    get: () => parse(area.value, field.name),
  };
}

function parse(text, name) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name}: this is not JSON: ${error.message}`);
  }
}

const KINDS = { number: (field) => numberField(field.name, field, field), numbers: numbersField, choice: choiceField,
  text: textField, image: imageField, tensor: tensorField };

/** Return flat values as nested lists of an input's shape; a free axis has the size 1. */
function nest(values, field) {
  const flat = Array.isArray(values) ? values : [values];
  let nested = flat;
  if (!field.shape.length) return flat[0];
  for (const size of field.shape.slice(1).reverse()) {
    const step = size === -1 ? 1 : size, groups = [];
    for (let at = 0; at < nested.length; at += step) groups.push(nested.slice(at, at + step));
    nested = groups;
  }
  return nested;
}

function createForm(inputs) {
  const fields = inputs.map((field) => [field, KINDS[field.kind](field)]);
  const area = make("textarea", { id: "json", spellcheck: "false", "aria-describedby": "json-note" });
  const plain = make("div", { class: "fields" }, fields.map(([, each]) => each.node));
  const json = make("div", { hidden: true }, make("label", { for: "json" }, "Inputs as JSON"), area,
    make("p", { class: "note", id: "json-note" }, "An object with a value for each input, or a list of records with a row each."));
  const collect = (sample) => Object.fromEntries(fields.map(([field, each]) => [field.name, each.whole ? each.get() : nest(each.get(sample), field)]));
  const toggle = make("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => {
    const editing = json.hidden;
    if (editing) try { area.value = JSON.stringify(collect(), null, 1); } catch { /* it begins empty */ }
    json.hidden = !editing;
    plain.hidden = editing;
    toggle.setAttribute("aria-pressed", editing);
  } }, "JSON");
  return { node: make("div", {}, plain, json), toggle, values: (sample) => (json.hidden ? collect(sample) : parse(area.value, "Inputs")) };
}

// ---- Answers ---------------------------------------------------------------------------------

const digits = (value) => (Number.isInteger(value) ? String(value) : Number(value.toPrecision(5)).toString());
const sizes = (value) => (Array.isArray(value) ? [value.length, ...sizes(value[0])] : []);
const flatten = (value) => (Array.isArray(value) ? value.flat(Infinity) : [value]);

function bars(scores, names) {
  const order = scores.map((score, at) => [score, names[at] ?? `${at}`]).sort((a, b) => b[0] - a[0]);
  const most = Math.max(...scores.map(Math.abs), 1e-12), shares = scores.every((each) => each >= 0 && each <= 1);
  return make("ol", { class: "bars" }, order.slice(0, BARS).map(([score, name]) => {
    const text = shares ? `${(100 * score).toFixed(1)} %` : digits(score);
    const part = make("rect", { width: `${100 * Math.abs(score) / (shares ? 1 : most)}%`, height: "100%" });
    return make("li", {}, make("span", { title: String(name) }, String(name)), make("svg", { "aria-hidden": "true" }, part), make("span", {}, text));
  }), order.length > BARS ? make("li", { class: "note" }, `and ${order.length - BARS} more`) : null);
}

/** Return a picture of [height, width], [channels, height, width] or [height, width, channels]. */
function picture(row, size) {
  const planar = size.length === 3 && size[0] <= 4, flat = flatten(row);
  const [height, width] = size.length === 2 ? size : planar ? size.slice(1) : size;
  const channels = size.length === 2 ? 1 : planar ? size[0] : size[2];
  let low = Infinity, high = -Infinity;
  for (const value of flat) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low >= 0) [low, high] = [0, high > 1 ? 255 : 1];
  const canvas = make("canvas", { width, height, role: "img", "aria-label": `Picture of ${width} × ${height}` });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const value = (channel) => 255 * (flat[planar ? channel * width * height + at : at * channels + channel] - low) / (high - low || 1);
    for (let channel = 0; channel < 3; channel++) image.data[4 * at + channel] = value(channels < 3 ? 0 : channel);
    image.data[4 * at + 3] = channels === 4 ? value(3) : 255;
  }
  context.putImageData(image, 0, 0);
  canvas.style.width = `${Math.max(width, 160)}px`;
  return canvas;
}

const PICTURES = { iVBORw0KGgo: "image/png", "/9j/": "image/jpeg" };

function cell(row, output) {
  if (row === null) return make("p", { class: "big" }, "missing");
  const size = sizes(row), flat = flatten(row);
  if (typeof row === "object" && row.b64) {
    const start = Object.keys(PICTURES).find((each) => row.b64.startsWith(each));
    return start ? make("img", { class: "picture", alt: output.name, src: `data:${PICTURES[start]};base64,${row.b64}` }) : make("p", { class: "text" }, `${row.b64.length} characters of base64`);
  }
  if (flat.length === 1 && typeof flat[0] === "string") return make("p", { class: flat[0].length < 40 ? "big" : "text" }, flat[0]);
  if (flat.length === 1) return make("p", { class: "big" }, typeof flat[0] === "number" ? digits(flat[0]) : String(flat[0]));
  const numbers = flat.every((each) => typeof each === "number");
  if (numbers && size.length === 1 && (output.classes.length === size[0] || size[0] <= BARS)) return bars(row, output.classes);
  const image = size.length >= 2 && size.length <= 3 && numbers && Math.min(...size.filter((each) => each > 4)) >= 8 && size.filter((each) => each > 4).length === 2;
  if (image) return picture(row, size);
  if (size.length === 1 && size[0] <= 20) return make("p", { class: "text" }, row.map(String).join(", "));
  const text = JSON.stringify(row);
  return make("pre", { tabindex: 0 }, text.length > 1500 ? `${text.slice(0, 1500)} …` : text);
}

function answerOf(outputs, specs) {
  const rows = (value) => (Array.isArray(value) ? value : [value]);
  const count = Math.max(...Object.values(outputs).map((value) => rows(value).length), 0);
  const spec = (name) => specs.find((each) => each.name === name) || { name, classes: [] };
  if (count > 1) return table(outputs, rows, count);
  const order = Object.keys(outputs).sort((a, b) => sizes(outputs[a]).length - sizes(outputs[b]).length);
  return order.map((name) => make("div", {}, make("h3", {}, name), cell(rows(outputs[name])[0] ?? null, spec(name))));
}

function table(outputs, rows, count) {
  const names = Object.keys(outputs), most = 50;
  const text = (value) => { const all = typeof value === "number" ? digits(value) : typeof value === "string" ? value : JSON.stringify(value); return all.length > 60 ? `${all.slice(0, 60)} …` : all; };
  const body = Array.from({ length: Math.min(count, most) }, (_, at) => make("tr", {}, make("td", {}, String(at + 1)), names.map((name) => make("td", {}, text(rows(outputs[name])[at] ?? null)))));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Rows of the answer" }, make("table", {}, make("thead", {}, make("tr", {}, ["row", ...names].map((each) => make("th", { scope: "col" }, each)))), make("tbody", {}, body)), count > most ? make("p", { class: "note" }, `and ${count - most} more rows`) : null);
}

async function timed(work) {
  const started = performance.now();
  const found = await work();
  return [found, performance.now() - started];
}

async function askVersion(model, version, values) {
  const [[answer, text], spent] = await timed(async () => {
    const got = await call(`${base(model.name)}predict/versions/${version.version}`, { method: "POST", body: JSON.stringify({ inputs: values }) });
    return [got, got.ok ? await got.text() : await reason(got)];
  });
  const heading = make("p", { class: "note" }, `version ${version.version}, ${spent.toFixed(1)} ms with the network`);
  const content = answer.ok ? answerOf(JSON.parse(text).outputs, version.outputs) : make("p", { class: "error" }, text);
  return make("div", { class: "answer" }, heading, content);
}

// ---- Language models -------------------------------------------------------------------------

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data:") && !line.includes("[DONE]")) yield JSON.parse(line.slice(5));
  }
}

async function stream(model, text, place) {
  const body = JSON.stringify({ model: model.name, messages: [{ role: "user", content: text }], stream: true });
  const answer = await call(`${base(model.name)}v1/chat/completions`, { method: "POST", body });
  if (!answer.ok) throw new Error(await reason(answer));
  const said = make("p", { class: "text" });
  place.replaceChildren(said);
  for await (const event of events(answer)) {
    if (event.error) throw new Error(event.error.message || String(event.error));
    said.append(event.choices?.[0]?.delta?.content || "");
  }
}

// ---- Requests to copy ------------------------------------------------------------------------

function tensorsOf(values, inputs) {
  return inputs.map(({ name, datatype }) => ({ name, datatype, shape: sizes(values[name]), data: flatten(values[name]) }));
}

/** Return a dialect's example with these values in place of its placeholders. */
function filled(example, model, version, values) {
  if (Array.isArray(example)) return example.map((each) => filled(each, model, version, values));
  if (example && typeof example === "object") return Object.fromEntries(Object.entries(example).map(([key, each]) => [key, filled(each, model, version, values)]));
  if (example === "{model}") return model.name;
  const records = Array.isArray(values), names = records ? [] : Object.keys(values);
  if (example === "{values}") return names.length === 1 ? values[names[0]] : values;
  if (example === "{tensors}") return records ? "the same as tensors" : tensorsOf(values, version.inputs);
  return example;
}

const brief = (key, value) => (typeof value === "string" && value.length > SHORTEN ? `${value.slice(0, SHORTEN)}…` : value);
const python = (value, depth = 0) => JSON.stringify(value, brief).replace(/"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b/g, (part) => ({ true: "True", false: "False", null: "None" })[part] || part);
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const LANGUAGES = {
  curl: (url, body, bearer) => [`curl ${quoted(url)}`, ...(bearer ? [`-H "Authorization: Bearer $TOKEN"`] : []), `-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(body, brief))}`].join(" \\\n  "),
  Python: (url, body, bearer) => `import requests\n\nanswer = requests.post(\n    ${JSON.stringify(url)},\n${bearer ? '    headers={"Authorization": f"Bearer {token}"},\n' : ""}    json=${python(body)},\n    timeout=60,\n)\nanswer.raise_for_status()\nprint(answer.json())`,
  JavaScript: (url, body, bearer) => `const answer = await fetch(${JSON.stringify(url)}, {\n  method: "POST",\n  headers: { "Content-Type": "application/json"${bearer ? ", Authorization: `Bearer ${token}`" : ""} },\n  body: JSON.stringify(${JSON.stringify(body, brief)}),\n});\nif (!answer.ok) throw new Error(await answer.text());\nconsole.log(await answer.json());`,
};

function createRequests(model, version, current) {
  const select = make("select", { id: "dialect", onchange: () => show() }, model.calls.map((each, at) => make("option", { value: at }, each.title + (model.calls.filter((other) => other.dialect === each.dialect).length > 1 ? `: ${each.operation}` : ""))));
  const code = make("code"), status = make("span", { role: "status", class: "note" });
  let language = "curl";
  const buttons = Object.keys(LANGUAGES).map((each) => make("button", { type: "button", class: "quiet", "aria-pressed": each === language, onclick: () => { language = each; show(); } }, each));
  function show() {
    const chosen = model.calls[select.value || 0];
    if (!chosen) return;
    let values = {};
    try { values = current(true); } catch { /* the form is not filled in */ }
    const body = filled(chosen.body, model, version, values);
    code.textContent = LANGUAGES[language](new URL(base(model.name) + chosen.path.slice(1), root).href, body, Boolean(token()));
    for (const each of buttons) each.setAttribute("aria-pressed", each.textContent === language);
  }
  const copy = make("button", { type: "button", class: "quiet", onclick: async () => { await navigator.clipboard.writeText(code.textContent); status.textContent = "Copied."; } }, "Copy");
  const node = make("section", { class: "card wide", "aria-labelledby": "requests" }, make("h2", { id: "requests" }, "The same request elsewhere"),
    make("div", { class: "pick" }, make("label", { for: "dialect", class: "hidden" }, "Dialect"), select, buttons, copy, status), make("pre", { tabindex: 0, "aria-label": "Request" }, code));
  return { node, show };
}

// ---- Figures, health and report --------------------------------------------------------------

const facts = (pairs) => make("dl", {}, pairs.filter(([, value]) => value != null && value !== "").map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))));

/** Return the samples of a family for a model, from Prometheus's text. */
function samples(text, family, model) {
  const found = [], label = `model="${model.replace(/[\\"]/g, "\\$&")}"`;
  for (const line of text.split("\n")) {
    if (line.startsWith(`${family}{`) && line.includes(label)) found.push([line, Number(line.slice(line.lastIndexOf("}") + 1).trim().split(" ")[0])]);
  }
  return found;
}

function quantile(text, model, share) {
  const counts = new Map();
  for (const [line, value] of samples(text, "lading_latency_seconds_bucket", model)) {
    const bound = line.match(/le="([^"]+)"/)[1];
    counts.set(bound, (counts.get(bound) || 0) + value);
  }
  const total = counts.get("+Inf") || 0;
  for (const [bound, count] of counts) if (total && count >= share * total && bound !== "+Inf") return `≤ ${digits(1000 * bound)} ms`;
  return null;
}

async function figures(model) {
  const answer = await fetch(new URL("metrics", root), { credentials: "omit" }).catch(() => null);
  if (!answer?.ok) return [make("p", { class: "note" }, "This API has no /metrics; CloudWatch has its figures.")];
  const text = await answer.text(), sum = (family) => samples(text, family, model.name).reduce((all, [, value]) => all + value, 0);
  return [facts([
    ["Requests", sum("lading_requests_total")], ["Callers' errors", sum("lading_client_errors_total")],
    ["Failures", sum("lading_server_errors_total")], ["Half within", quantile(text, model.name, 0.5)],
    ["99 % within", quantile(text, model.name, 0.99)], ["Waiting now", sum("lading_queue_requests")],
  ])];
}

const pill = (ready) => make("span", { class: `pill ${ready ? "good" : "bad"}` }, ready ? "ready" : "not ready");

function health(model) {
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Versions" }, make("table", {},
    make("thead", {}, make("tr", {}, ["Version", "Labels", "State"].map((each) => make("th", { scope: "col" }, each)))),
    make("tbody", {}, model.versions.map((each) => make("tr", {}, make("td", {}, String(each.version)), make("td", {}, each.labels.join(", ") || "–"), make("td", {}, pill(each.ready), each.reason ? make("p", { class: "note" }, each.reason) : null))))));
}

const bytes = (size) => (size > 1e6 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e3).toFixed(1)} kB`);

function report(version) {
  const told = version.report;
  if (!told) return make("p", { class: "note" }, "This version has no packaging report.");
  const { accuracy, source = {}, stages = [], classes = [], placement = {} } = told;
  const head = facts([["Framework", source.framework], ["File", source.file], ["Runs on", placement.target || told.target],
    [told.native ? "Not converted" : "", told.native && (["python", "torchscript"].includes(told.native.runtime) ? "runs your code" : `${told.native.runtime} computes it`)], ["A million requests", placement.per_million_usd && `$${placement.per_million_usd.toFixed(2)}`],
    [accuracy ? `${accuracy.metric} before` : "", accuracy && digits(accuracy.before)], [accuracy ? `${accuracy.metric} after` : "", accuracy && digits(accuracy.after)], ["Held-out rows", accuracy?.rows]].filter(([name]) => name));
  const metric = accuracy?.metric || "Accuracy", short = (value) => value?.toFixed(3);
  const rows = stages.map((each) => [String(each.step), each.bytes && bytes(each.bytes), each.latency && `${digits(each.latency.p50_ms)} ms`, each.accuracy && digits(each.accuracy.after)]);
  const tried = stages.flatMap((each) => each.candidates || []).map((each) => [`${each.name}, ${each.outcome}${each.reason ? `: ${each.reason}` : ""}`, each.bytes && bytes(each.bytes), each.accuracy && digits(each.accuracy.after)]);
  const lowest = classes.map((each) => [each.name, String(each.rows), short(each.precision), short(each.recall), short(each.f1)]);
  return [head, ...grid("Stages of packaging", ["Stage", "Size", "One row", metric], rows), ...grid("What auto tried", ["Candidate", "Size", metric], tried),
    ...grid("Classes with the lowest F1", ["Class", "Rows", "Precision", "Recall", "F1"], lowest)];
}

/** Return a title and a table that scrolls, with numbers in its later columns; nothing without rows. */
function grid(title, headings, rows) {
  const cell = (tag, text, at, more) => make(tag, { ...more, class: at ? "number" : null }, text ?? "–");
  return rows.length ? [make("h3", {}, title), make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, make("table", {},
    make("thead", {}, make("tr", {}, headings.map((each, at) => cell("th", each, at, { scope: "col" })))),
    make("tbody", {}, rows.map((row) => make("tr", {}, row.map((each, at) => cell("td", each, at)))))))] : [];
}

// ---- Pages -----------------------------------------------------------------------------------

function card(id, title, ...content) {
  return make("section", { class: "card", "aria-labelledby": id }, make("h2", { id }, title), ...content);
}

function showModel(model) {
  const version = model.versions.find((each) => each.version === model.default_version) || model.versions.at(-1);
  document.title = `${model.name} · Lading`;
  find("docs").href = new URL(`docs?model=${encodeURIComponent(model.name)}`, root);
  const ready = model.versions.every((each) => each.ready);
  const title = make("div", { class: "title" }, make("h1", {}, model.name), pill(ready), make("span", { class: "note" }, `version ${version.version}${version.labels.length ? `, ${version.labels.join(", ")}` : ""}`));
  const form = model.language_model ? createPrompt() : createForm(version.inputs);
  const answer = make("div", { class: "answers", "aria-live": "polite", id: "answer" }, make("p", { class: "note" }, "Fill in the form, and press Predict."));
  const others = model.versions.filter((each) => each !== version && each.ready && !model.language_model);
  const boxes = others.map((each) => [each, make("input", { type: "checkbox" })]);
  const submit = make("button", { type: "submit" }, model.language_model ? "Ask" : "Predict");
  const requests = createRequests(model, version, form.values);
  const live = make("div", {}, make("p", { class: "note" }, "…"));
  const refresh = async () => live.replaceChildren(...await figures(model));
  async function ask(event) {
    event.preventDefault();
    submit.disabled = true;
    answer.setAttribute("aria-busy", "true");
    try {
      if (model.language_model) await stream(model, form.text(), answer);
      else {
        const values = form.values(), asked = [version, ...boxes.filter(([, box]) => box.checked).map(([each]) => each)];
        answer.replaceChildren(...await Promise.all(asked.map((each) => askVersion(model, each, values))));
      }
    } catch (error) {
      answer.replaceChildren(make("p", { class: "error" }, error.message));
    }
    answer.setAttribute("aria-busy", "false");
    submit.disabled = false;
    requests.show();
    refresh();
  }
  const inputs = make("form", { class: "card", "aria-labelledby": "inputs", onsubmit: ask, oninput: () => requests.show(), onchange: () => requests.show() },
    make("div", { class: "head" }, make("h2", { id: "inputs" }, model.language_model ? "Question" : "Inputs"), form.toggle), form.node,
    boxes.length ? make("fieldset", { class: "actions" }, make("legend", {}, "Beside it, ask"), boxes.map(([each, box]) => make("label", { class: "check" }, box, `version ${each.version}`))) : null,
    make("div", { class: "actions" }, submit));
  main.replaceChildren(title, make("div", { class: "grid" }, inputs, card("answers", "Answer", answer), requests.node,
    card("live", "Live figures", live), card("health", "Health", health(model)),
    make("section", { class: "card wide", "aria-labelledby": "report" }, make("h2", { id: "report" }, "Packaging report"), report(version))));
  requests.show();
  refresh();
}

function createPrompt() {
  const area = make("textarea", { id: "prompt", required: true });
  return { node: make("div", {}, make("label", { for: "prompt" }, "Your text"), area), toggle: null, text: () => area.value, values: () => ({}) };
}

function showList(models) {
  document.title = "Models · Lading";
  const items = models.map((model) => {
    const told = model.versions.filter((each) => each.ready !== false), ready = told.length === model.versions.length && told.length > 0;
    return make("li", { class: "card" }, make("div", { class: "head" }, make("a", { href: new URL(`ui/${encodeURIComponent(model.name)}`, root) }, model.name), pill(ready)),
      make("p", { class: "note" }, model.versions.length === 1 ? `version ${model.default_version}` : `${model.versions.length} versions; ${model.default_version} answers`));
  });
  main.replaceChildren(make("div", { class: "title" }, make("h1", {}, "Models")), items.length ? make("ul", { class: "list" }, items) : make("p", { class: "note" }, "No model is served here."));
}

function showMenu(models, name) {
  const select = find("models");
  select.replaceChildren(...(name ? [] : [make("option", { value: "" }, "Choose a model")]), ...models.map((model) => make("option", { value: model.name, selected: model.name === name }, model.name)));
  select.hidden = models.length < 2;
  select.onchange = () => { if (select.value) location.href = new URL(`ui/${encodeURIComponent(select.value)}`, root); };
}

async function show() {
  const [, name] = location.pathname.slice(root.pathname.length).split("/").map(decodeURIComponent);
  try {
    if (name) showModel(await read(`${base(name)}models/${encodeURIComponent(name)}/form`));
    const models = await read("models").catch(() => []);
    showMenu(models, name);
    if (!name) showList(models.length ? models : await read("models"));
  } catch (error) {
    main.replaceChildren(make("h1", {}, name || "Models"), make("p", { class: "error", role: "alert" }, error.message));
  }
}

find("key").addEventListener("click", () => showToken(find("token").hidden));
find("token").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, find("bearer").value.trim());
  find("bearer").value = "";
  showToken(false);
  main.focus();
  show();
});
show();
