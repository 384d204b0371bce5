import type { JobEventView } from '../../../core/api/events/schema.ts'

/** A part of an event stream: an event, a comment or a retry time. */
export interface Part {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly comment?: string
  readonly retry?: string
}

/** What is between two blank lines of a stream, field by field. */
export function parsePart(text: string): Part {
  return Object.fromEntries(
    text.split('\n').map((line) => {
      const colon = line.indexOf(':')
      return [colon === 0 ? 'comment' : line.slice(0, colon), line.slice(colon + 1).trimStart()]
    }),
  )
}

/** The parts of a whole stream. */
export function parseStream(text: string): Part[] {
  return text.split('\n\n').filter(Boolean).map(parsePart)
}

/** The parts of a stream as they arrive. */
export async function* partsOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Part> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) yield parsePart(part)
  }
}

/** What an event says, or undefined for what is no event of a job. */
export function sayingOf({ event, data, id }: Part): JobEventView | undefined {
  return id === undefined || event === undefined ? undefined : JSON.parse(data ?? '')
}
