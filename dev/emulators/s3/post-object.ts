import { S3Error } from './error.ts'
import { type ObjectFiles, objectHeaders, type StoredObject } from './objects.ts'
import { checkPostPolicy, missingField } from './post-policy.ts'
import type { AccessKey } from './signature.ts'

type FormEntry = ReturnType<FormData['getAll']>[number]

/** "Creating an HTML form": the form without its file may measure 20 KB. */
const maxFieldBytes = 20 * 1024

/**
 * Stores the file of an upload form that a policy allows, as AWS documents it in "POST Object", "Creating an HTML form" and
 * "Browser-based uploads using POST": fields, then one file; what follows the file does not count. It refuses a file that
 * comes as text without a name, though S3 takes it, and answers only 204.
 *
 * @param request its body is a whole form (multipart/form-data)
 * @throws S3Error PreconditionFailed for another encoding, MalformedPOSTRequest, MaxPostPreDataLengthExceededError,
 *   InvalidArgument for a form without exactly one file, EntityTooLarge, EntityTooSmall, and what {@link checkPostPolicy} refuses
 */
export async function storePostedObject(
  request: { readonly type: string; formData(): Promise<FormData> },
  { bucket, key, now, objects }: { bucket: string; key: AccessKey; now: Date; objects: ObjectFiles },
): Promise<StoredObject> {
  if (!/^multipart\/form-data\b/i.test(request.type)) {
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
      Condition: 'Bucket POST must be of the enclosure-type multipart/form-data',
    })
  }
  const { fields, file } = readForm([...(await request.formData().catch(refuseForm))])
  const { min, max } = checkPostPolicy(fields, { bucket, key, now })
  const objectKey = fields.get('key')
  if (!objectKey) throw missingField('key')
  if ([...fields.keys()].some((name) => name.startsWith('success_action_'))) {
    throw new S3Error('NotImplemented', 'The emulated S3 answers a form with 204 alone.')
  }
  if (file.size > max) throw tooLarge({ MaxSizeAllowed: max })
  if (file.size < min) {
    throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      ProposedSize: file.size,
      MinSizeAllowed: min,
    })
  }
  const content = new Uint8Array(await file.arrayBuffer())
  return objects.put(objectKey, content, objectHeaders(Object.fromEntries(fields)))
}

/** @returns the fields before the file, by lower-case name, with `${filename}` replaced: "Creating a POST policy" */
function readForm(entries: readonly (readonly [string, FormEntry])[]) {
  const at = entries.findIndex(([name]) => name.toLowerCase() === 'file')
  const file = entries[at]?.[1]
  const files = entries.filter(([, value]) => typeof value !== 'string').length
  const texts = entries
    .slice(0, at === -1 ? undefined : at)
    .flatMap(([name, value]) => (typeof value === 'string' ? [[name.toLowerCase(), value] as const] : []))
  const bytes = texts.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0)
  if (bytes > maxFieldBytes) {
    throw new S3Error(
      'MaxPostPreDataLengthExceededError',
      'Your POST request fields preceding the upload file were too large.',
    )
  }
  if (typeof file !== 'object' || files !== 1) {
    throw new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.', { ArgumentName: 'file' })
  }
  const fileName = file.name.replace(/^.*[\\/]/, '')
  const fields = new Map(texts.map(([name, value]) => [name, value.replaceAll(/\$\{filename\}/g, () => fileName)]))
  // AWS does not document which of two values counts.
  if (fields.size < texts.length) refuseForm()
  return { fields, file }
}

/** The refusal of a body that is too large, for a policy or for the emulator. */
export function tooLarge(detail: Record<string, number> = {}): S3Error {
  return new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', detail)
}

function refuseForm(): never {
  throw new S3Error('MalformedPOSTRequest', 'The body of your POST request is not well-formed multipart/form-data.')
}
