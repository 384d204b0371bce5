import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import busboy from 'busboy'
import { S3Error } from './error.ts'

/** An upload form, read up to where its file begins. */
export interface PostForm {
  /** The fields before the file, by lower-case name; those after it do not count. */
  readonly fields: ReadonlyMap<string, string>
  /** The name that the uploader gave the file, without its folders. */
  readonly fileName: string
  readonly file: Readable
  /** Settles when the form has ended after the file. @throws S3Error for a form that is cut off, or has two files */
  readonly ended: Promise<void>
  /** Reads no more of the form. */
  discard(): void
}

/** "Creating an HTML form": the form without its file may measure 20 KB. */
const maxFieldBytes = 20 * 1024

/**
 * Reads an upload form (multipart/form-data) as S3 does: fields, then one file, which is not read before somebody reads
 * `file`. The rules are those of "Authenticating Requests: HTML form-based uploads" and "Creating an HTML form". A file
 * that comes as text, without a name, is refused, though S3 takes it.
 *
 * @throws S3Error PreconditionFailed for another encoding, MalformedPOSTRequest, MaxPostPreDataLengthExceededError,
 *   InvalidArgument for a form without a file
 */
export function readPostForm(request: IncomingMessage): Promise<PostForm> {
  return new Promise((resolve, reject) => {
    if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) {
      throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
        Condition: 'Bucket POST must be of the enclosure-type multipart/form-data',
      })
    }
    const parser = openParser(request)
    const fields = new Map<string, string>()
    const end = Promise.withResolvers<void>()
    let fileName: string | undefined
    let bytesBeforeFile = 0
    const count = (piece: Buffer) => {
      if (fileName === undefined) bytesBeforeFile += piece.length
      if (bytesBeforeFile > maxFieldBytes) fail(tooManyFields())
    }
    const discard = () => {
      request.unpipe(parser).off('data', count)
      parser.destroy()
      request.resume()
    }
    const fail = (problem: S3Error) => {
      reject(problem)
      end.reject(problem)
      discard()
    }
    // Until the file begins, nothing awaits the end.
    end.promise.catch(() => {})

    parser.on('field', (name, value, { nameTruncated, valueTruncated }) => {
      if (fileName !== undefined) return
      if (nameTruncated || valueTruncated) fail(tooManyFields())
      // Which of two values S3 would take is not documented.
      if (name === undefined || fields.has(name.toLowerCase())) fail(malformed())
      else fields.set(name.toLowerCase(), value)
    })
    parser.on('file', (name, file, info) => {
      // Destroying the parser breaks the file off, whether or not somebody reads it yet.
      file.on('error', () => {})
      if (name?.toLowerCase() !== 'file' || fileName !== undefined) return fail(oneFile())
      fileName = info.filename ?? ''
      resolve({ fields, fileName, file, ended: end.promise, discard })
    })
    parser.on('error', () => fail(malformed()))
    parser.on('finish', () => {
      if (fileName === undefined) fail(oneFile())
      else end.resolve()
    })
    request.on('close', () => {
      if (!request.complete) fail(malformed())
    })
    request.pipe(parser)
    // After pipe(): what the parser has found in this piece is known by now.
    request.on('data', count)
  })
}

function openParser(request: IncomingMessage): busboy.Parser {
  try {
    return busboy({ headers: request.headers, defParamCharset: 'utf8', limits: { fieldSize: maxFieldBytes } })
  } catch {
    throw malformed()
  }
}

function malformed(): S3Error {
  return new S3Error('MalformedPOSTRequest', 'The body of your POST request is not well-formed multipart/form-data.')
}

function oneFile(): S3Error {
  return new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.', { ArgumentName: 'file' })
}

function tooManyFields(): S3Error {
  return new S3Error(
    'MaxPostPreDataLengthExceededError',
    'Your POST request fields preceding the upload file were too large.',
  )
}
