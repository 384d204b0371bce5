import type * as z from 'zod'

/**
 * Reads the body of a request.
 *
 * @param refusal what the provider says of a body that is not JSON, and before the list of what does not fit
 */
export function readRequest<Request>(
  schema: z.ZodType<Request>,
  body: string,
  refusal: { readonly notJson: string; readonly unfit: string },
): Request | { readonly error: string } {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return { error: refusal.notJson }
  }
  const read = schema.safeParse(json)
  if (read.success) return read.data
  const issues = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the request'}: ${message}`)
  return { error: `${refusal.unfit} ${issues.join('; ')}` }
}
