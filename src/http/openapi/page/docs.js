// Shows /openapi.json. Everything becomes text nodes: nothing of the document is ever read as HTML.

const element = (name, ...children) => {
  const made = document.createElement(name);
  made.append(...children);
  return made;
};

function shown(schema) {
  const made = element("pre", JSON.stringify(schema, null, 2));
  // It may be wider than the page: the keyboard must reach it to move it.
  made.tabIndex = 0;
  return made;
}

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

/** Whether a call is only there as the managed service has it, and leads nowhere here. */
const isFormality = ({ operation }) => /^Is refused|instances/.test(operation.summary);

/** What stands before the queue API's calls, if the path is of one. */
const prefixOf = (path) => /^(\/v1\.0|\/v1|\/v2)\//.exec(path)?.[1];

async function show() {
  const count = document.getElementById("count");
  const answer = await fetch("/openapi.json");
  if (!answer.ok) {
    count.textContent = `The document could not be loaded (${answer.status}).`;
    return;
  }
  const { paths, components, tags } = await answer.json();
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })));
  all.sort((one, other) => isFormality(one) - isFormality(other));
  const [find, prefix] = ["find", "prefix"].map((id) => document.getElementById(id));
  const list = () => {
    const words = find.value.toLowerCase().split(/\s+/);
    const calls = all.filter(({ path }) => (prefixOf(path) ?? prefix.value) === prefix.value);
    const found = calls.filter(({ method, path, operation }) => {
      const text = `${method} ${path} ${operation.summary}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const sections = tags.map((tag) => {
      const own = found.filter(({ operation }) => operation.tags[0] === tag.name);
      const made = own.map(({ method, path, operation }) => details(method, path, operation, components.schemas));
      return own.length ? element("section", element("h2", tag.name), element("p", tag.description), ...made) : "";
    });
    document.getElementById("calls").replaceChildren(...sections);
    count.textContent = `${found.length} of ${calls.length} calls`;
  };
  find.addEventListener("input", list);
  prefix.addEventListener("change", list);
  list();
}

show();
