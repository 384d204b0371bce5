import type { S3Error } from './error.ts'

/** Elements by name, in order; an array is a repeated element, `@` holds the attributes of its parent. */
export interface XmlElements {
  readonly [name: string]: XmlContent | readonly XmlContent[]
}
type XmlContent = XmlElements | string | number | boolean | null | undefined

/** Writes a document as S3 answers it. */
export function toXml(document: XmlElements): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${writeElements(document)}`
}

/** The body of a refusal. */
export function errorXml({ code, message, detail }: S3Error): string {
  return toXml({ Error: { Code: code, Message: message, ...detail } })
}

function writeElements(elements: XmlElements): string {
  return Object.entries(elements)
    .filter(([name]) => name !== '@')
    .flatMap(([name, content]) => [content].flat().map((one) => writeElement(name, one as XmlContent)))
    .join('')
}

function writeElement(name: string, content: XmlContent): string {
  if (content === undefined || content === null) return ''
  if (typeof content !== 'object') return `<${name}>${escapeXml(String(content))}</${name}>`
  const attributes = Object.entries((content['@'] ?? {}) as XmlElements)
  const written = attributes.map(([attribute, value]) => ` ${attribute}="${escapeXml(String(value))}"`).join('')
  return `<${name}${written}>${writeElements(content)}</${name}>`
}

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"\r]/g, (one) => `&#${one.charCodeAt(0)};`)
}

/** A document that was read: the text of an element, or its elements by name. */
export type ReadXml = string | { readonly [name: string]: readonly ReadXml[] }

/**
 * Reads a document as S3 takes them: elements whose names begin with a capital letter, without the attributes.
 *
 * @returns the root as the only element, or nothing if the text is not well-formed
 */
export function fromXml(text: string): ReadXml | undefined {
  const open: { name: string; text: string; elements: Record<string, ReadXml[]> }[] = [
    { name: '', text: '', elements: {} },
  ]
  const token = /<\?[^>]*\?>|<([A-Z]\w*)(?:\s[^<>]*?)?(\/?)>|<\/([A-Z]\w*)\s*>|([^<>]+)/y
  while (token.lastIndex < text.length) {
    const match = token.exec(text)
    const inner = open.at(-1)
    if (!match || !inner) return undefined
    const [, opened, empty, closed, words] = match
    if (words !== undefined) inner.text += words
    if (opened) open.push({ name: opened, text: '', elements: {} })
    if (!closed && !empty) continue
    const ended = open.pop()
    const outer = open.at(-1)
    if (!ended || !outer || (closed && closed !== ended.name)) return undefined
    const isText = Object.keys(ended.elements).length === 0
    const before = outer.elements[ended.name] ?? []
    outer.elements[ended.name] = [...before, isText ? unescapeXml(ended.text) : ended.elements]
  }
  return open.length === 1 ? open[0]?.elements : undefined
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,5})|#(\d{1,6})|([a-z]+));/gi, (whole, hex, decimal, name) =>
    name ? (entities[name] ?? whole) : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
  )
}
