// Elements are built from names and texts only. What the API says is a text
// (or an attribute's value) and never markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined)
      node.setAttribute(name, String(value));
  }
  node.append(...children.flat(Infinity).filter((each) =>
    each !== null && each !== undefined && each !== false));
  return node;
}

/** An HTML element; children are nodes, texts, or lists of them. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

// What a person has changed stays: unfolded details, texts typed in.
const KEPT = new Set(["open", "value", "checked"]);

function sameKind(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName
    && (one.nodeType !== Node.ELEMENT_NODE
        || one.getAttribute("data-key") === other.getAttribute("data-key"));
}

function adopt(kept, wanted) {
  if (kept.nodeType !== Node.ELEMENT_NODE) {
    if (kept.data !== wanted.data) kept.data = wanted.data;
    return;
  }
  for (const { name } of [...kept.attributes])
    if (!KEPT.has(name) && !wanted.hasAttribute(name))
      kept.removeAttribute(name);
  for (const { name, value } of [...wanted.attributes])
    if (!KEPT.has(name) && kept.getAttribute(name) !== value)
      kept.setAttribute(name, value);
  morph(kept, [...wanted.childNodes]);
}

function hasKey(node, key) {
  return node.nodeType === Node.ELEMENT_NODE
    && node.getAttribute("data-key") === key;
}

/**
 * Makes the children of `parent` look like `wanted`, and keeps the nodes that
 * are there already, so that neither focus nor scroll position is lost when
 * something is drawn again. Nodes with a `data-key` are found by it. Listeners
 * belong on what is never drawn again.
 */
export function morph(parent, wanted) {
  let at = parent.firstChild;
  for (const next of wanted) {
    const key = next.nodeType === Node.ELEMENT_NODE
      ? next.getAttribute("data-key") : null;
    let found = at;
    if (key !== null)
      while (found && !hasKey(found, key)) found = found.nextSibling;
    if (found && sameKind(found, next)) {
      if (found !== at) parent.insertBefore(found, at);
      adopt(found, next);
      at = found.nextSibling;
    } else {
      parent.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}
