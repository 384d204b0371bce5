/** The end of a page of a list, as a cursor for clients: opaque, so that its content may change. */
export function encodeCursor(lastId: number): string {
  return Buffer.from(`1:${lastId}`).toString('base64url')
}

/** Parses a cursor; undefined if it is malformed. */
export function decodeCursor(cursor: string): number | undefined {
  const id = Number(/^1:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1])
  // Node.js decodes leniently; only the canonical form is accepted.
  return Number.isSafeInteger(id) && encodeCursor(id) === cursor ? id : undefined
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
