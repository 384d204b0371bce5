import * as z from 'zod'
import { S3Error } from './error.ts'
import { type AccessKey, checkSignature, oldSignature, parseCredential, refuseSessionToken } from './signature.ts'

/** The file sizes that a policy allows, in bytes, both ends included. */
export interface SizeRange {
  readonly min: number
  readonly max: number
}

/** "Uploading objects": S3 takes up to 5 GB in one request. */
const largestObject = 5 * 1024 ** 3

const size = z.coerce.number().int().nonnegative()
const policySchema = z.object({
  expiration: z.iso.datetime(),
  conditions: z.array(
    z.union([
      z.tuple([z.literal('content-length-range'), size, size]),
      z.tuple([z.enum(['eq', 'starts-with']), z.string().startsWith('$'), z.string()]),
      z.record(z.string(), z.string()),
    ]),
  ),
})

/**
 * Checks an upload form against the policy in it, as AWS documents it in "Creating a POST policy" and "Authenticating
 * Requests: HTML form-based uploads": the policy is signed by the key, it has not expired, every condition in it is
 * met, and every field of the form has a condition.
 *
 * @param fields the form's fields by lower-case name, without the file, with `${filename}` replaced
 * @param bucket the one that the form was posted to
 * @returns how large the file may be, which the reader of the file must enforce
 * @throws S3Error AccessDenied (for a form without a policy, an expired policy, an unmet condition or a field without
 *   one), SignatureDoesNotMatch, InvalidAccessKeyId, InvalidPolicyDocument, InvalidArgument for a field that is missing
 */
export function checkPostPolicy(
  fields: ReadonlyMap<string, string>,
  { bucket, key, now }: { bucket: string; key: AccessKey; now: Date },
): SizeRange {
  const policy = fields.get('policy')
  // Without a policy nothing is signed, and the bucket is private.
  if (policy === undefined) throw new S3Error('AccessDenied', 'Access Denied')
  if (fields.has('awsaccesskeyid') || fields.has('signature')) throw oldSignature()
  checkPolicySignature(policy, fields, key)
  const { expiration, conditions } = parsePolicy(policy)
  if (now.getTime() >= Date.parse(expiration)) throw denied('Policy expired.')

  let range: SizeRange = { min: 0, max: largestObject }
  const covered = new Set<string>()
  const check = (operator: 'eq' | 'starts-with', name: string, wanted: string) => {
    covered.add(name.toLowerCase())
    if (!valuesOf(name.toLowerCase(), fields, bucket).every((value) => meets(operator, name, wanted, value))) {
      throw denied(`Policy Condition failed: ["${operator}", "$${name}", "${wanted}"]`)
    }
  }
  for (const condition of conditions) {
    if (!Array.isArray(condition)) {
      for (const [name, wanted] of Object.entries(condition)) check('eq', name, wanted)
    } else if (condition[0] === 'content-length-range') {
      range = { min: Math.max(range.min, condition[1]), max: Math.min(range.max, condition[2]) }
    } else {
      check(condition[0], condition[1].slice(1), condition[2])
    }
  }
  const extra = [...fields.keys(), 'bucket'].filter((name) => !covered.has(name) && !needsNoCondition(name))
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(', ')}`)
  return range
}

function checkPolicySignature(policy: string, fields: ReadonlyMap<string, string>, key: AccessKey): void {
  const field = (name: string) => {
    const value = fields.get(name.toLowerCase())
    if (value === undefined) throw missingField(name)
    return value
  }
  const invalid = (name: string, why: string) => new S3Error('InvalidArgument', why, { ArgumentName: name })
  if (field('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') {
    throw invalid('X-Amz-Algorithm', 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  }
  const credential = parseCredential(field('X-Amz-Credential'))
  if (!credential) throw invalid('X-Amz-Credential', 'X-Amz-Credential must be a credential for S3.')
  if (!field('X-Amz-Date').startsWith(credential.date)) {
    throw invalid('X-Amz-Date', 'The date of X-Amz-Credential is not that of X-Amz-Date.')
  }
  refuseSessionToken(fields.get('x-amz-security-token'))
  checkSignature(field('X-Amz-Signature'), policy, credential, key)
}

function parsePolicy(policy: string): z.infer<typeof policySchema> {
  let document: unknown
  try {
    document = JSON.parse(Buffer.from(policy, 'base64').toString())
  } catch {
    throw new S3Error('InvalidPolicyDocument', 'Invalid Policy: Invalid JSON.')
  }
  const parsed = policySchema.safeParse(document)
  if (parsed.success) return parsed.data
  throw new S3Error('InvalidPolicyDocument', `Invalid Policy: ${z.prettifyError(parsed.error)}`)
}

/** The bucket is the one posted to, whatever the form says; a form that says so too has to say the same. */
function valuesOf(name: string, fields: ReadonlyMap<string, string>, bucket: string): (string | undefined)[] {
  const given = fields.get(name)
  return name === 'bucket' ? [bucket, given ?? bucket] : [given]
}

function meets(operator: 'eq' | 'starts-with', name: string, wanted: string, value: string | undefined): boolean {
  if (value === undefined) return false
  if (operator === 'eq') return value === wanted
  // "Creating a POST policy": a Content-Type with commas is a list, of which every value has to meet the condition.
  const values = name.toLowerCase() === 'content-type' ? value.split(',') : [value]
  return values.every((one) => one.trimStart().startsWith(wanted))
}

/** "Creating a POST policy", "Condition matching": the fields that a policy need not speak of. */
function needsNoCondition(name: string): boolean {
  return ['policy', 'x-amz-signature', 'file'].includes(name) || name.startsWith('x-ignore-')
}

function denied(why: string): S3Error {
  return new S3Error('AccessDenied', `Invalid according to Policy: ${why}`)
}

/** A field that is missing, or that comes after the file, where S3 reads no more. */
export function missingField(name: string): S3Error {
  return new S3Error(
    'InvalidArgument',
    `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
    { ArgumentName: name, ArgumentValue: '' },
  )
}
