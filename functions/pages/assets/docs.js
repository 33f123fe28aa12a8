// Swagger UI over a model's own OpenAPI document, or over that of all models.

const root = new URL(document.documentElement.dataset.root || "./", location.href);
const TOKEN = "lading-token";
const find = (id) => document.getElementById(id);
const name = new URLSearchParams(location.search).get("model") || "";
const token = () => sessionStorage.getItem(TOKEN) || "";

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

const read = (path) => fetch(new URL(path, root), {
  headers: token() ? { authorization: `Bearer ${token()}` } : {}, credentials: "omit",
});

function fail(text) {
  find("problem").textContent = text;
  find("problem").hidden = false;
}

async function choose(models) {
  const select = find("models");
  const named = models.map((model) => [model.name, model.name]);
  for (const [value, text] of [["", "All models"], ...named]) select.append(new Option(text, value, false, value === name));
  select.hidden = models.length < 2;
  select.onchange = () => { location.search = select.value ? `?model=${encodeURIComponent(select.value)}` : ""; };
}

async function show() {
  find("problem").hidden = true;
  const path = name ? `${encodeURIComponent(name)}/openapi.json` : "openapi.json";
  find("document").href = new URL(path, root);
  if (name) find("page").href = new URL(`ui/${encodeURIComponent(name)}`, root);
  const answer = await read(path);
  if (answer.status === 401 || answer.status === 403) {
    find("token").hidden = false;
    find("bearer").focus();
    return;
  }
  if (!answer.ok) {
    fail((await answer.json().catch(() => ({}))).error || `The document cannot be read: ${answer.status}.`);
    return;
  }
  const spec = await answer.json();
  spec.servers = [{ url: new URL(name ? encodeURIComponent(name) : ".", root).href.replace(/\/$/, "") }];
  const ui = SwaggerUIBundle({
    spec, domNode: find("docs"), deepLinking: true, docExpansion: "none", defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 3, displayRequestDuration: true, validatorUrl: null, withCredentials: false,
    onComplete: () => {
      if (token()) ui.preauthorizeApiKey("bearer", token());
      if (!location.hash) ui.getSystem().layoutActions.show(["operations-tag", spec.tags[0].name], true);
    },
  });
  const models = await read("models");
  if (models.ok && !find("models").length) choose(await models.json());
}

find("token").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, find("bearer").value.trim());
  find("bearer").value = "";
  find("token").hidden = true;
  show();
});
show();
