// Shows /openapi.json. Everything becomes text nodes: nothing of the document is ever read as HTML.

const element = (name, ...children) => {
  const made = document.createElement(name);
  made.append(...children);
  return made;
};

const shown = (schema) => element("pre", JSON.stringify(schema, null, 2));

/** The schema with the forms that it refers to put in, as far as that goes. */
function resolved(schema, forms, depth = 0) {
  if (Array.isArray(schema)) return schema.map((part) => resolved(part, forms, depth));
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref && depth < 6) return resolved(forms[schema.$ref.split("/").pop()], forms, depth + 1);
  return Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, resolved(part, forms, depth)]));
}

function parameters(operation) {
  if (operation.parameters.length === 0) return [];
  const rows = operation.parameters.map((one) =>
    element("tr", element("td", element("code", one.name)), element("td", one.in),
      element("td", one.description ?? ""), element("td", element("code", JSON.stringify(one.schema)))));
  return [element("h3", "Parameters"), element("table", ...rows)];
}

function details(method, path, operation, forms) {
  const made = element("details");
  const what = element("span", operation.summary);
  what.className = "what";
  made.append(element("summary", element("code", `${method.toUpperCase()} ${path}`), what));
  // What is inside is made when somebody looks: there are many calls.
  made.addEventListener("toggle", () => {
    if (made.children.length > 1) return;
    const body = element("div", ...parameters(operation));
    body.className = "body";
    const request = operation.requestBody?.content["application/json"]?.schema;
    if (request) body.append(element("h3", "Body"), shown(resolved(request, forms)));
    for (const [status, answer] of Object.entries(operation.responses)) {
      if (status >= 400) continue;
      body.append(element("h3", `Answer ${status}`));
      const schema = answer.content?.["application/json"]?.schema;
      body.append(schema ? shown(resolved(schema, forms)) : element("p", answer.description));
    }
    const refusals = Object.keys(operation.responses).filter((status) => status >= 400);
    body.append(element("p", `Refused with ${refusals.join(", ")}.`));
    made.append(body);
  });
  return made;
}

async function show() {
  const count = document.getElementById("count");
  const answer = await fetch("/openapi.json");
  if (!answer.ok) {
    count.textContent = `The document could not be loaded (${answer.status}).`;
    return;
  }
  const { paths, components, tags } = await answer.json();
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })));
  const main = document.getElementById("calls");
  const list = (wanted) => {
    const words = wanted.toLowerCase().split(/\s+/);
    const found = calls.filter(({ method, path, operation }) => {
      const text = `${method} ${path} ${operation.summary}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const sections = tags.map((tag) => {
      const own = found.filter(({ operation }) => operation.tags[0] === tag.name);
      const made = own.map(({ method, path, operation }) => details(method, path, operation, components.schemas));
      return own.length ? element("section", element("h2", tag.name), element("p", tag.description), ...made) : "";
    });
    main.replaceChildren(...sections);
    count.textContent = `${found.length} of ${calls.length} calls`;
  };
  document.getElementById("find").addEventListener("input", ({ target }) => list(target.value));
  list("");
}

show();
