import * as z from 'zod'

// A primary language of four letters is reserved, and none of five to eight was ever registered (RFC 5646, section
// 2.2.1): a longer one is a name like "german".
const notLanguage = 'must be a BCP 47 language tag like en or de-CH'
const longest = 35

/** A BCP 47 language tag, in its canonical form. */
export const languageTag = z
  .string()
  .max(longest)
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/, { error: notLanguage, abort: true })
  .refine((tag) => (canonicalLanguage(tag)?.length ?? Number.POSITIVE_INFINITY) <= longest, notLanguage)
  .overwrite((tag) => canonicalLanguage(tag) ?? tag)

function canonicalLanguage(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0]
  } catch {
    return undefined
  }
}
