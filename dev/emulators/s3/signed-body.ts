import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable, Transform } from 'node:stream'
import { S3Error } from './error.ts'

/** The body of a request, which fails at its end if its SHA-256 is not the signed one. */
export function signedBody(request: IncomingMessage): Readable {
  const signed = request.headers['x-amz-content-sha256']
  if (signed === undefined || signed === 'UNSIGNED-PAYLOAD') return request
  const hash = createHash('sha256')
  const checked = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece)
      done(null, piece)
    },
    flush(done) {
      done(hash.digest('hex') === signed ? null : differentBody())
    },
  })
  return pipeline(request, checked, () => {})
}

function differentBody(): S3Error {
  const message = "The provided 'x-amz-content-sha256' header does not match what was computed."
  return new S3Error('XAmzContentSHA256Mismatch', message)
}
