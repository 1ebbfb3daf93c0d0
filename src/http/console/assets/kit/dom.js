// Elements, made of names, properties and children. Every value becomes a text node or an attribute: nothing here, or
// anywhere else in the console, makes markup of a text.

/** @typedef {Node | string | number | null | undefined | false | Contents} Content */
/** @typedef {Content[]} Contents */
/** @typedef {Record<string, unknown>} Properties */

const SVG = 'http://www.w3.org/2000/svg';

/** What is set as a property, because the attribute is only what it was at first. */
const LIVE = new Set(['value', 'checked', 'selected', 'indeterminate']);

/**
 * @param {Element} element
 * @param {Properties} properties
 */
function dress(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) {
      continue;
    }
    if (typeof value === 'function') {
      element.addEventListener(name.replace(/^on/, ''), /** @type {EventListener} */ (value));
    } else if (LIVE.has(name)) {
      Reflect.set(element, name, value);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
}

/**
 * The nodes of some content; what is absent is left out.
 * @param {Content} content
 * @returns {(Node | string)[]}
 */
function nodes(content) {
  if (Array.isArray(content)) {
    return content.flatMap(nodes);
  }
  if (content === null || content === undefined || content === false) {
    return [];
  }
  return [content instanceof Node ? content : String(content)];
}

/**
 * An element of HTML. Functions among its properties, named `onclick` and the like, listen to its events.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} properties
 * @param {...Content} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  // A select takes its value only once it has its options.
  const { value, ...others } = properties;
  dress(element, others);
  element.append(...nodes(children));
  dress(element, { value });
  return element;
}

/**
 * An element of SVG.
 * @param {string} tag
 * @param {Properties} properties
 * @param {...Content} children
 * @returns {SVGElement}
 */
export function svg(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  dress(element, properties);
  element.append(...nodes(children));
  return /** @type {SVGElement} */ (element);
}

/**
 * Puts this content in the place of what the element holds.
 * @param {Element} element
 * @param {...Content} content
 */
export function fill(element, ...content) {
  element.replaceChildren(...nodes(content));
}

/**
 * An id that no other element has, to tie labels to what they name.
 * @returns {string}
 */
export function freshId() {
  lastId += 1;
  return `part-${lastId}`;
}

let lastId = 0;
