import * as z from 'zod'
import { decodeCursor } from './cursor.ts'

/**
 * The fields of a list's input that request a page. tRPC's infinite queries send null as the cursor of the first page, and
 * the direction with every request.
 */
export const pageFields = {
  cursor: z
    .string()
    .max(100)
    .transform((text, context) => {
      const before = decodeCursor(text)
      if (before !== undefined) return before
      context.issues.push({ code: 'custom', input: text, message: 'is no cursor that this API gave out' })
      return z.NEVER
    })
    .nullish()
    .transform((before) => before ?? undefined)
    .meta({ description: 'The `nextCursor` of the page before.' }),
  direction: z.literal('forward').optional().meta({ trpcOnly: true }),
}
