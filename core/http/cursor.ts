import * as z from 'zod'

/** Where a page of a list ended, as clients carry it: opaque, so that it may come to hold something else. */
export function encodeCursor(lastId: number): string {
  return Buffer.from(`1:${lastId}`).toString('base64url')
}

/** The id that a cursor stands for, or undefined if it is none of ours. */
export function decodeCursor(cursor: string): number | undefined {
  const id = Number(/^1:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1])
  // Node.js decodes leniently; only the canonical spelling counts.
  return Number.isSafeInteger(id) && encodeCursor(id) === cursor ? id : undefined
}

/**
 * The fields by which the input of a list asks for a page. tRPC's infinite queries send null as the cursor of the first
 * page, and the direction with every one.
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

/**
 * A page, and what asks for the next one.
 *
 * @param rows one more than the page holds, if there is another
 * @param idOf what the next page begins after
 */
export function pageOf<Row>(rows: readonly Row[], limit: number, idOf: (row: Row) => number) {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { page, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(idOf(last)) : null }
}
