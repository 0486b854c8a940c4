/**
 * The part of the DOM that drawing needs: Plot's types name these, and this program has no browser `lib`. linkedom's
 * document provides them.
 */
interface Element {
  readonly outerHTML: string
  readonly ownerDocument: Document
  textContent: string | null
  prepend(...children: Element[]): void
  querySelector(selectors: string): Element | null
  remove(): void
  removeAttribute(name: string): void
  setAttribute(name: string, value: string): void
}

interface Document {
  createElementNS(namespace: string, name: string): Element
}

interface Window {
  readonly document: Document
}

interface HTMLElement extends Element {}
interface SVGElement extends Element {}
interface SVGMarkerElement extends SVGElement {}
interface SVGSVGElement extends SVGElement {}
