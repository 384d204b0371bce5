import type S3Error from '@20minutes/s3rver/lib/models/error.js'

/** Elements by name, in order; an array is an element repeated, `@` holds the attributes of what it is in. */
export interface XmlElements {
  readonly [name: string]: XmlContent | readonly XmlContent[]
}
type XmlContent = XmlElements | string | number | boolean | null | undefined

/** Writes a document as S3 answers it. The package escapes what it writes twice, so that keys with `&` come back wrong. */
export function toXml(document: XmlElements): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${writeElements(document)}`
}

/** S3's answer to what it refuses. */
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
