import { Readable } from 'node:stream'

/** What a body can be made of here; everything else is left to Node.js. */
export type LightBodyInit = string | Uint8Array<ArrayBuffer> | ArrayBuffer | ReadableStream | null | undefined

/** Whether a body can be made of a value here. */
export function isLightBody(value: unknown): value is LightBodyInit {
  return (
    value === undefined ||
    value === null ||
    typeof value === 'string' ||
    value instanceof Uint8Array ||
    value instanceof ArrayBuffer ||
    isStream(value)
  )
}

/** The class is named for an object alone that can be one: Node.js loads all its web streams with the first mention of it. */
function isStream(value: unknown): value is ReadableStream {
  if (typeof value !== 'object' || value === null) return false
  return !(value instanceof Uint8Array || value instanceof ArrayBuffer) && value instanceof ReadableStream
}

/** The body of a request or of a response, which is read once: the part of the Fetch standard that both have. */
export abstract class LightBody {
  abstract readonly headers: { get(name: string): string | null }
  /** Undefined without a body. A stream replaces what it was made of, since it is read once. */
  #content: Exclude<LightBodyInit, null>
  #isUsed = false

  constructor(content: LightBodyInit) {
    this.#content = content ?? undefined
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#content === undefined) return null
    if (!isStream(this.#content)) this.#content = streamOf(bytesOf(this.#content))
    return this.#content
  }

  get bodyUsed(): boolean {
    return this.#isUsed || isDisturbed(this.#content)
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = await this.bytes()
    return buffer.slice(byteOffset, byteOffset + byteLength)
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.bytes()], { type: this.headers.get('content-type') ?? '' })
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const content = this.take() ?? undefined
    if (content === undefined) return new Uint8Array()
    return isStream(content) ? readAll(content) : bytesOf(content)
  }

  /** By Node.js' own class, which is loaded for it. */
  async formData(): Promise<FormData> {
    const type = this.headers.get('content-type')
    const { Response } = globalThis
    return new Response(await this.bytes(), { headers: type === null ? {} : { 'content-type': type } }).formData()
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes())
  }

  /** The content for another body, from now on the only one to read it. */
  protected take(): LightBodyInit {
    if (this.#isUsed || isDisturbed(this.#content)) throw new TypeError('The body has been read')
    if (this.#content !== undefined) this.#isUsed = true
    return this.#content
  }

  /** The content for a copy, beside which this one can still be read. */
  protected share(): LightBodyInit {
    if (this.#isUsed || isDisturbed(this.#content)) throw new TypeError('The body has been read')
    if (!isStream(this.#content)) return this.#content
    const [mine, other] = this.#content.tee()
    this.#content = mine
    return other
  }
}

function isDisturbed(content: LightBodyInit): boolean {
  return isStream(content) && (content.locked || Readable.isDisturbed(content as never))
}

function bytesOf(content: string | Uint8Array<ArrayBuffer> | ArrayBuffer): Uint8Array<ArrayBuffer> {
  if (typeof content === 'string') return new TextEncoder().encode(content)
  return content instanceof Uint8Array ? content : new Uint8Array(content)
}

function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start: (controller) => {
      if (bytes.byteLength > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

async function readAll(stream: ReadableStream): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('A body is a stream of bytes')
    chunks.push(chunk)
  }
  return Uint8Array.from(Buffer.concat(chunks))
}
