import type { IncomingMessage } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import type { S3Answer } from './answer.ts'
import { S3Error } from './error.ts'
import { type ObjectFiles, objectHeaders } from './objects.ts'
import { readPostForm } from './post-form.ts'
import { checkPostPolicy, missingField, type SizeRange } from './post-policy.ts'
import type { AccessKey } from './signature.ts'
import { toXml } from './xml.ts'

/**
 * Stores the file of an upload form that a policy allows, as AWS documents it in "POST Object" and "Browser-based
 * uploads using POST". The object is there once the form has ended well; else nothing of it is.
 *
 * @throws S3Error what {@link readPostForm} and {@link checkPostPolicy} refuse, EntityTooLarge and EntityTooSmall
 */
export async function storePostedObject(
  request: IncomingMessage,
  { bucket, key, now, objects }: { bucket: string; key: AccessKey; now: Date; objects: ObjectFiles },
): Promise<S3Answer> {
  const form = await readPostForm(request)
  try {
    // "Creating a POST policy": variables are expanded before the policy is checked.
    const fields = new Map(
      [...form.fields].map(([name, value]) => [name, value.replaceAll(/\$\{filename\}/g, () => form.fileName)]),
    )
    const range = checkPostPolicy(fields, { bucket, key, now })
    const objectKey = fields.get('key')
    if (!objectKey) throw missingField('key')
    const content = limited(form.file, range, form.ended)
    const { md5 } = await objects.put(objectKey, content, objectHeaders(Object.fromEntries(fields)))
    return answer(fields, { host: request.headers.host ?? '', bucket, key: objectKey, etag: `"${md5}"` })
  } catch (problem) {
    form.discard()
    throw problem
  }
}

/** Breaks off as soon as the file is too large, and ends well only if the whole form does. */
function limited(file: Readable, { min, max }: SizeRange, ended: Promise<void>): Readable {
  let size = 0
  const checked = new Transform({
    transform(piece: Buffer, _encoding, done) {
      size += piece.length
      if (size <= max) return done(null, piece)
      done(
        new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', { MaxSizeAllowed: max }),
      )
    },
    flush(done) {
      if (size < min) {
        const sizes = { ProposedSize: size, MinSizeAllowed: min }
        return done(
          new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', sizes),
        )
      }
      ended.then(() => done(), done)
    },
  })
  // A form that breaks off takes its file with it; why, its end knows.
  ended.catch((problem) => checked.destroy(problem))
  // An error may come before the store reads on; it finds the stream broken then.
  checked.on('error', () => {})
  return file.pipe(checked)
}

function answer(
  fields: ReadonlyMap<string, string>,
  { host, bucket, key, etag }: { host: string; bucket: string; key: string; etag: string },
): S3Answer {
  const location = `http://${host}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
  const redirect = fields.get('success_action_redirect') ?? ''
  if (URL.canParse(redirect)) {
    const target = new URL(redirect)
    for (const [name, value] of Object.entries({ bucket, key, etag })) target.searchParams.append(name, value)
    return { status: 303, headers: { etag, location: target.href }, body: '' }
  }
  const headers = { etag, location }
  switch (fields.get('success_action_status')) {
    case '200':
      return { status: 200, headers, body: '' }
    case '201':
      return {
        status: 201,
        headers: { ...headers, 'content-type': 'application/xml' },
        body: toXml({ PostResponse: { Location: location, Bucket: bucket, Key: key, ETag: etag } }),
      }
    default:
      return { status: 204, headers, body: '' }
  }
}
