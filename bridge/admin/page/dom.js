// Everything that came from outside is put on the page as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** Sets an element's text, if it differs. */
export function put(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) {
    element.hidden = hidden;
  }
}

/** Returns a new element with classes and children; strings become text of a direction of its own. */
export function make(name, { className = "", ...attributes } = {}, ...children) {
  const element = document.createElement(name);
  if (className) {
    element.className = className;
  }
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}

/** Makes a list's children those of `items`: kept, changed, added and removed by their keys, in order. */
export function reconcile(parent, items, keyOf, create, update) {
  const wanted = new Set(items.map((item) => String(keyOf(item))));
  const known = new Map();
  for (const child of Array.from(parent.children)) {
    if (wanted.has(child.dataset.key)) {
      known.set(child.dataset.key, child);
    } else {
      child.remove();
    }
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = known.get(key);
    if (child === undefined) {
      child = create(item);
      child.dataset.key = key;
    }
    if (child === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(child, place);
    }
    update(child, item);
  }
}

/**
 * Shows rows of cells: each cell a text, or a text with a class. Cells have the class and the words of their column; roles
 * are spelt out, since narrow screens show some tables as lists.
 */
export function table(body, items, keyOf, cellsOf) {
  const columns = Array.from(body.closest("table").tHead.rows[0].cells);
  const create = () =>
    make(
      "tr",
      { role: "row" },
      ...columns.map((column, number) => {
        const [name, role] = number === 0 ? ["th", "rowheader"] : ["td", "cell"];
        return make(name, { className: column.className, role, "data-label": column.textContent }, make("bdi"));
      }),
    );
  reconcile(body, items, keyOf, create, (row, item) => {
    cellsOf(item).forEach((cell, number) => {
      const [text, mood] = Array.isArray(cell) ? cell : [cell, ""];
      const inner = row.children[number].firstElementChild;
      put(inner, text);
      if (inner.className !== mood) {
        inner.className = mood;
      }
    });
  });
}

/** Shows terms and what is said of them. */
export function facts(list, pairs) {
  const entries = pairs.flatMap(([term, text, mood = ""]) => [
    { key: `${term}?`, name: "dt", text: term, mood: "" },
    { key: `${term}!`, name: "dd", text, mood },
  ]);
  reconcile(
    list,
    entries,
    (entry) => entry.key,
    (entry) => make(entry.name, {}, make("bdi")),
    (element, entry) => {
      put(element.firstElementChild, entry.text);
      if (element.className !== entry.mood) {
        element.className = entry.mood;
      }
    },
  );
}

/** Shows lines of text; the list is hidden while there are none. */
export function lines(list, texts) {
  setHidden(list, texts.length === 0);
  reconcile(
    list,
    texts.map((text, number) => ({ text, number })),
    (entry) => entry.number,
    () => make("li", {}, make("bdi")),
    (item, entry) => put(item.firstElementChild, entry.text),
  );
}
