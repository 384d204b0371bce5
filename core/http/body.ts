import { VisionError } from '../domain/errors.ts'
import { malformedJson, UnsupportedEncoding } from './error-response.ts'
import { InvalidInput } from './invalid-input.ts'
import { parseJson } from './json.ts'

/**
 * The JSON of a request's body, or undefined if it is empty.
 *
 * @throws VisionError `request.unsupported_type`, or `request.invalid` with the issues
 */
export async function readJson(request: Request): Promise<unknown> {
  const bytes = await request.arrayBuffer()
  if (bytes.byteLength === 0) return undefined
  requireJson(request.headers)
  try {
    return parseJson(textOf(bytes))
  } catch (error) {
    if (error instanceof InvalidInput) throw error
    throw new VisionError('request.invalid', { message: whyUnread(error) })
  }
}

/** Why a body could not be read as JSON, and where. The parser's own words would quote the body. */
function whyUnread(error: unknown): string {
  if (!(error instanceof SyntaxError)) return notUtf8
  const [, line, column] = /\(line (\d+) column (\d+)\)$/.exec(error.message) ?? []
  if (line !== undefined) return `${malformedJson} Look at line ${line}, column ${column}.`
  return error.message.startsWith('Unexpected end') ? `${malformedJson} It ends too early.` : malformedJson
}

const notUtf8 = 'The body must be text in UTF-8.'

/**
 * The text of a request's body, in UTF-8.
 *
 * @throws VisionError `request.unsupported_type` if it is encoded, InvalidInput if it is not UTF-8
 */
export async function readText(request: Request): Promise<string> {
  requireNoCoding(request.headers)
  try {
    return textOf(await request.arrayBuffer())
  } catch {
    throw new InvalidInput([{ pointer: '#', code: 'field.malformed', detail: notUtf8 }])
  }
}

/** The media type of a body, without parameters. */
export function mediaTypeOf(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** @throws VisionError `request.unsupported_type` if a body is not said to be JSON as it is */
export function requireJson(headers: Headers): void {
  requireNoCoding(headers)
  if (!isJson(headers.get('content-type') ?? '')) throw new VisionError('request.unsupported_type')
}

function requireNoCoding(headers: Headers): void {
  const coding = headers.get('content-encoding')?.trim().toLowerCase()
  if (coding && coding !== 'identity') throw new UnsupportedEncoding()
}

/** @throws TypeError if the bytes are not UTF-8 */
export function textOf(bytes: ArrayBuffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

/**
 * Whether a media type is JSON, whatever parameters it has (RFC 9110, section 8.3.1; RFC 8259, section 11, defines none).
 * Only a charset other than UTF-8 says that the body is something else.
 */
function isJson(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.split(';')
  if (type.trim().toLowerCase() !== 'application/json') return false
  return parameters.every((parameter) => {
    const [name = '', value = ''] = parameter.split('=')
    return name.trim().toLowerCase() !== 'charset' || /^\s*("?)utf-?8\1\s*$/i.test(value)
  })
}
