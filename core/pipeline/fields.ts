import * as z from 'zod'

/** The metadata of a field beside its schema: how it is requested, and how its value is repaired. */
export interface Hint {
  /** The target length, in characters, below the limit; four fifths of the limit if left out. */
  readonly aim?: number
  readonly mend?: 'line' | 'hex' | 'hashtag' | 'share' | 'verbatim'
}

/** Separate from zod's own registry, so that none of it appears in the OpenAPI document. */
export const hints = z.registry<Hint>()

const text = (max: number, aim: number) => z.string().trim().min(1).max(max).register(hints, { aim })

export const sentence = text(600, 200)
export const paragraph = text(3000, 600)
/** A name or a title: one line. */
export const phrase = z.string().trim().min(1).max(160).register(hints, { aim: 60, mend: 'line' })

/** A colour as `#rrggbb` in lower case. */
export const hexColour = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^#[0-9a-f]{6}$/, 'must be a colour like #1a2b3c')
  .register(hints, { mend: 'hex' })
  .describe('#rrggbb, lower case')

/** A share of the image's area. */
export const share = z.number().min(0).max(1).register(hints, { mend: 'share' })

/**
 * A hashtag as platforms link it: a hashtag identifier of UAX 31 (https://www.unicode.org/reports/tr31/#hashtag_identifiers)
 * without the hyphen and the plus sign, at which platforms end it.
 */
export const hashtag = z
  .string()
  .max(100)
  .regex(
    /^#(?:[\p{XID_Continue}\p{Extended_Pictographic}]|\u200c|\u200d|\ufe0f)+$/u,
    'must be # and one word of letters, digits and underscores, like #SpringSale',
  )
  .register(hints, { mend: 'hashtag' })
